"""One shop or paper: its configuration, its trackers, its delivery. Lives as long as the application."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from footfall.config import Config
from footfall.consent import is_async, own_cookie, own_cookie_of, read_consent, read_consent_async
from footfall.errors import ConfigError, DeliveryError, EventError, MissingExtra, NoIdentity, SpoolError
from footfall.events import Event
from footfall.identity.bots import is_bot
from footfall.identity.classify import classify_request
from footfall.identity.domain import CookieScope, cookie_scope, registrable_domain
from footfall.identity.forwarded import trust_proxies
from footfall.identity.ids import format_guid
from footfall.identity.seal import Sealer
from footfall.identity.snapshot import format_snapshot, parse_snapshot
from footfall.identity.visitor import Visitor
from footfall.request import Consent, RequestClass, RequestView, cookie_finder
from footfall.resuming import Resumed
from footfall.starting import check_parts
from footfall.trace import TracedTracking
from footfall.trackers.protocol import Tracker
from footfall.tracking import Tracking
from footfall.wire import WireRequest

if TYPE_CHECKING:
    from footfall.delivery import Delivery, Stats

__all__ = ["Site"]

logger = logging.getLogger("footfall.site")
#: Stands for whoever it was where only the number of requests is asked for.
SOMEBODY = Visitor(device_id=f"{0:036}", session_id=f"{0:036}", anonymous_id="somebody")


def _mint_id() -> str:
    return format_guid(os.urandom(16))


class Site:
    """Knows a site's visitors and tells its trackers what they do. One for an application, shared by all requests."""

    def __init__(
        self,
        config: Config | None = None,
        trackers: Sequence[Tracker] = (),
        *,
        delivery: Delivery | None = None,
        user_id: Callable[[Any], str | int | Awaitable[str | int | None] | None] | None = None,
        strict: bool | None = None,
        new_id: Callable[[], str] | None = None,
        now: Callable[[], float] = time.time,
        on_forget: Callable[[Visitor], object] | None = None,
        consent_endpoint: str | None = None,
    ) -> None:
        """Check everything that can be wrong before the first visitor comes; open no file, thread or socket.

        Args:
            config: How the site names, scopes and ages its cookies.
            trackers: Who is told; names must differ.
            delivery: How it gets there; by default through ``footfall.sqlite3`` in the working directory.
            user_id: From the framework's request (or scope or environ) to who is logged in; called when first
                needed; under ASGI it may be a coroutine function. What it raises is logged, and nobody is logged in.
            strict: Does a wrong event raise in the view; ``None``: as the framework's debug flag says.
            new_id: A source of ids, for tests.
            now: A clock in Unix seconds, for tests.
            on_forget: Called once for each visitor who is forgotten or withdraws, with their ids: have the trackers'
                vendors erase them too. It runs in the visitor's request: hand what takes long to a queue of yours.
            consent_endpoint: A path, such as ``"/consent"``, at which every door takes the visitor's choice:
                ``POST`` from the site's own pages with ``?grant``, ``?grant-device`` or ``?deny``.

        Raises:
            ConfigError: A setting is wrong; names field, finding and remedy.
        """
        self.config = config = Config() if config is None else config
        self.trackers = tuple(trackers)
        if delivery is None:
            from footfall.delivery import Delivery

            delivery = Delivery()
        self.delivery = delivery
        self.strict = strict
        self.new_id = new_id or _mint_id
        self.now = now
        self.device_seconds = int(config.device_lifetime.total_seconds())
        every = [names for names in (config.cookie_names, config.former_cookie_names) if names is not None]
        self.find_cookies = cookie_finder({name for names in every for name in names.by_role().values()})
        self.needs_https = config.secure is True or config.cookie_names.need_https  #: else no browser keeps a cookie
        self.session_seconds = int(config.session_idle.total_seconds())
        self.sealer: Sealer | None = Sealer(config.secret_keys, os.urandom) if config.secret_keys else None
        self.reader = own_cookie() if config.consent is None else config.consent
        self.own_consent = own_cookie_of(self.reader)  #: the cookie that grant() and deny() write, if any
        self.reads_consent_async = is_async(self.reader)  #: an ASGI door then asks before the application runs
        check_parts(config, self.trackers, self.own_consent, consent_endpoint)
        self.user_id = user_id
        self.on_forget = on_forget
        self.consent_endpoint = consent_endpoint
        self._warned: set[str] = set()
        self._warned_lock = threading.Lock()
        # What the first request would read from disk is read here.
        registrable_domain("www.shop.example")
        if config.ignore_bots:
            is_bot("-")

    def start(self, *, secret_key: str | None = None) -> None:
        """Take the framework's secret if the site has none of its own; every door calls this once, at start-up.

        Raises:
            ConfigError: The ruid cookie is to be sealed, and there is no key.
            MissingExtra: It is to be sealed, and nothing is installed that can.
        """
        must_seal = self.config.ruid_cookie == "sealed" and self.config.person_ids == "ruid+reaid"
        if self.sealer is None and secret_key:
            try:
                self.sealer = Sealer([secret_key], os.urandom)
            except MissingExtra:
                if must_seal:
                    raise
        if self.sealer is None and must_seal:
            raise ConfigError(
                "ruid_cookie is 'sealed' and secret_keys is empty;"
                " write secret_keys=('a random text of 32 characters',),"
                " or ruid_cookie='base64' (readable by anyone), or ruid_cookie='off'"
            )

    # For the doors

    def begin(self, view: RequestView, *, debug: bool = False, request: Callable[[], object] | None = None) -> Tracking:
        """Begin one request's tracking. Parses nothing.

        Args:
            view: The request.
            debug: The framework's debug flag.
            request: Gives the framework's own request to ``user_id``.
        """
        strict = debug if self.strict is None else self.strict
        view.time = self.now()
        if self.config.trusted_proxies:
            trust_proxies(view, self.config.trusted_proxies)
        made = TracedTracking if debug else Tracking
        return made(self, view, strict=strict, request=request if self.user_id is not None else None)

    @property
    def wants_request(self) -> bool:
        """Is there a ``user_id`` function that needs the framework's request."""
        return self.user_id is not None

    def resume(self, token: str) -> Resumed:
        """Report under a visitor's ids long after their request: at a payment's return, in a webhook or a task.

        Args:
            token: From `Tracking.snapshot`. Anything else never raises: its events are refused and counted.
        """
        if self.sealer is None:
            raise ConfigError("resume() needs secret_keys: they open what snapshot() sealed")
        visitor = parse_snapshot(token, self.sealer, anonymous_user=self.config.anonymous_user)
        return Resumed(self, visitor)

    def warm_up(self) -> None:
        """Open what the first event would open, so that no page waits for a file: after a server forked its workers.

        An ASGI door calls it when the application has started; under WSGI, call it in the server's post-fork hook.
        A spool that cannot be used is an error in the log, and its events will be counted as refused.
        """
        try:
            self.delivery.warm_up()
        except (DeliveryError, SpoolError) as error:
            logger.error("events cannot be kept: %s", error)

    def flush(self, timeout: float = 5.0) -> int:
        """Wait at most *timeout* seconds until everything is delivered; returns how many requests are still pending."""
        return self.delivery.flush(timeout)

    def close(self, timeout: float = 5.0) -> int:
        """Flush and stop, in at most *timeout* seconds; returns how many requests are pending, safe in the spool."""
        return self.delivery.close(timeout)

    def stats(self) -> Stats:
        """Count wire requests: accepted = delivered + pending + failed + erased; refused stands outside, by reason."""
        return self.delivery.stats()

    # For trackings

    def classify(self, view: RequestView) -> RequestClass:
        """Tell what a request is; a site's own function that raises is as good as none."""
        if self.config.classify is not None:
            try:
                found = self.config.classify(view)
            except Exception as error:  # noqa: BLE001 - the site's own code, on a page that must not fail because of us
                # Not its message: it may quote what the visitor sent.
                finding = f"raised {type(error).__name__}"
            else:
                if isinstance(found, RequestClass):  # pyright: ignore[reportUnnecessaryIsInstance]
                    return found
                finding = f"returned a {type(found).__name__}"
            self.warn_once("classify", "Config.classify %s: the package's own is used", finding)
        return classify_request(view, ignore_bots=self.config.ignore_bots)

    def read_consents(self, view: RequestView) -> tuple[Consent, Consent]:
        """Ask what the visitor has said."""
        return read_consent(self.reader, view, honour_gpc=self.config.honour_gpc, on_error=self._consent_failed)

    async def read_consents_async(self, view: RequestView) -> tuple[Consent, Consent]:
        """Ask what the visitor has said, where the site's reader has to wait for the answer."""
        gpc = self.config.honour_gpc
        return await read_consent_async(self.reader, view, honour_gpc=gpc, on_error=self._consent_failed)

    def _consent_failed(self, finding: object) -> None:
        name = type(finding).__name__
        self.warn_once(f"consent {name}", "the consent reader failed (%s): the visitor counts as unknown", name)

    def scope(self, host: str) -> CookieScope:
        """Tell where the cookies of a response to this host live."""
        scope = cookie_scope(host, self.config.cookie_domain)
        if scope.mismatch:
            self.warn_once(
                "cookie_domain",
                "a request's host is not below cookie_domain %r: its cookies are host-only",
                self.config.cookie_domain,
            )
        return scope

    def seal(self, text: str, name: str, scope: str) -> str:
        """Seal a cookie's text with the newest key."""
        if self.sealer is None:
            raise ConfigError("ruid_cookie is 'sealed' and the site was not started: put its middleware in front")
        return self.sealer.seal(text, name, scope)

    def format_snapshot(self, visitor: Visitor | None) -> str:
        """Seal a visitor's ids; ``None``: there is nobody to report on."""
        if self.sealer is None:
            raise ConfigError("snapshot() needs secret_keys: Config(secret_keys=('a random text of 32 characters',))")
        return format_snapshot(visitor, self.sealer)

    def ask_anonymous_id(self, view: RequestView) -> str | None:
        """Ask the site for an anonymous id of its own."""
        if self.config.anonymous_id is None:
            return None
        try:
            found = self.config.anonymous_id(view)
        except Exception as error:  # noqa: BLE001 - the site's own code, on a page that must not fail because of us
            self.warn_once("anonymous_id", "Config.anonymous_id raised %s: the device id is used", type(error).__name__)
            return None
        # The visitor may have written it: what no tracker takes as a segment of a path counts as none.
        if not isinstance(found, str) or found in (".", "..") or "\\" in found:
            return None
        return found if found.isprintable() and 0 < len(found) <= 512 else None

    def requests_for(self, event: Event, visitor: Visitor) -> list[WireRequest]:
        """Turn an event into every tracker's requests, sending none. Raises EventError."""
        requests: list[WireRequest] = []
        for tracker in self.trackers:
            try:
                requests += tracker.requests(event, visitor)
            except NoIdentity:
                continue
        return requests

    def report(self, event: Event, visitor: Visitor, *, strict: bool) -> None:
        """Turn an event into every tracker's requests and hand them to delivery.

        Raises:
            EventError: The event is wrong for a tracker, and *strict*; nothing was written for any.
            DeliveryError: The site was closed, and *strict*.
        """
        requests: list[WireRequest] = []
        unidentified: list[str] = []
        wrong: list[tuple[str, EventError]] = []
        for tracker in self.trackers:
            try:
                requests += tracker.requests(event, visitor)
            except NoIdentity:
                unidentified.append(tracker.name)
            except EventError as error:
                wrong.append((tracker.name, error))
            except Exception as error:  # noqa: BLE001 - a tracker of the site's own; its message may quote the visitor
                broken = EventError(f"the tracker raised {type(error).__name__}")
                broken.__cause__ = error  # for a developer's eyes, where the site is strict
                wrong.append((tracker.name, broken))
        if wrong and strict:
            raise wrong[0][1]
        for name in unidentified:
            self.delivery.refuse(name, "no id")
        for name, finding in wrong:
            logger.error("event set aside: %s", finding, extra={"tracker": name, "event": event.kind})
            self._set_aside(name, event.kind, visitor.device_id or "", str(finding))
        if requests:
            try:
                self.delivery.accept(requests)
            except DeliveryError as error:
                if strict:
                    raise
                logger.error("event lost: %s", error, extra={"event": event.kind})

    def fault(self, error: EventError, *, strict: bool) -> None:
        """Raise what a developer wrote wrong where they see it, log it where visitors would."""
        if strict:
            raise error
        logger.error("event set aside: %s", error)
        for tracker in self.trackers:
            self._set_aside(tracker.name, "", "", str(error))

    def _set_aside(self, tracker: str, kind: str, visitor: str, reason: str) -> None:
        try:
            self.delivery.set_aside(tracker, kind, visitor, reason)
        except DeliveryError as closed:
            logger.error("event lost: %s", closed, extra={"tracker": tracker, "event": kind})

    def refuse(self, event: Event, reason: str) -> None:
        """Count an event that is not accepted: by the requests that each tracker would have got."""
        for tracker in self.trackers:
            try:
                count = len(tracker.requests(event, SOMEBODY))
            except Exception:  # noqa: BLE001 - a wrong event is refused all the same
                count = 1
            if count:
                self.delivery.refuse(tracker.name, reason, count)

    def erase(self, visitor: Visitor, *, whose: Visitor | None = None) -> None:
        """Drop what was not delivered yet of a visitor, and tell the site.

        Args:
            visitor: The ids that the site is told.
            whose: Under whose ids it waits, if not under *visitor*'s: a person's waits under their device.
        """
        held = visitor if whose is None else whose
        for key in dict.fromkeys((held.device_id, held.anonymous_id)):
            if key is None:
                continue
            try:
                self.delivery.erase(key)
            except DeliveryError as error:
                logger.error("a visitor's undelivered events were not erased: %s", error)
        if self.on_forget is not None:
            try:
                self.on_forget(visitor)
            except Exception as error:  # noqa: BLE001 - the site's own code; its message may quote the visitor
                logger.error("Site(on_forget=...) raised %s: ask the trackers' vendors yourself", type(error).__name__)

    def warn_once(self, key: str, message: str, *args: object) -> None:
        """Log a warning the first time *key* comes up in this process; *args* are the site's own words."""
        with self._warned_lock:
            if key in self._warned:
                return
            self._warned.add(key)
        logger.warning(message, *args)

    def __repr__(self) -> str:
        """Name the trackers."""
        return f"<Site with {', '.join(tracker.name for tracker in self.trackers) or 'no tracker'}>"
