"""One shop or paper: its configuration, its trackers, its delivery. Lives as long as the application."""

from __future__ import annotations

import inspect
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from footfall.config import Config
from footfall.consent import OwnCookie
from footfall.errors import ConfigError, DeliveryError, SpoolError
from footfall.identity.bots import is_bot
from footfall.identity.domain import is_public_suffix, registrable_domain
from footfall.identity.forwarded import read_forwarded
from footfall.identity.ids import format_guid
from footfall.identity.visitor import Visitor
from footfall.policy import Policy
from footfall.reporter import Reporter
from footfall.request import RequestView
from footfall.tracking import Tracking
from footfall.tracking.resumed import NO_SNAPSHOT, Resumed

if TYPE_CHECKING:
    from footfall.delivery import Delivery, Stats
    from footfall.trackers.protocol import Tracker

__all__ = ["Site", "check_door"]

SWITCH: Final = "FOOTFALL_SEND"  #: the environment variable that makes every site of a process send nothing


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
        send: bool = True,
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
            send: False: send and store nothing, in test runs. Visitors are known and events are judged as ever; what
                would have been accepted is counted as refused (``switched off``). The environment variable
                ``FOOTFALL_SEND=0`` says the same.

        Raises:
            ConfigError: A setting is wrong; names field, finding and remedy.
        """
        config = Config() if config is None else config
        _check_config(config, trackers)
        # Here, not above: whoever brings a delivery has imported it, and who makes no site needs none.
        from footfall.delivery import Delivery
        from footfall.delivery.forking import watch_forks
        from footfall.delivery.notices import Notices

        if delivery is not None and (isinstance(delivery, type) or not hasattr(delivery, "accept")):
            # Another address may hold a password, and is not quoted.
            plain = isinstance(delivery, str) and delivery.startswith(("sqlite:", "memory:"))
            what = f"Delivery({delivery!r})" if plain else "Delivery(...), or leave it out"
            raise ConfigError(f"delivery: is {_say(delivery)}; write delivery={what}")
        self.strict = strict
        self._asleep = True  # no request has come yet, in this process
        watch_forks(self._rest, self._rest, self._sleep)
        notices = Notices(logger="footfall.site")
        self.policy = Policy(
            config,
            notices,
            user_id=user_id,
            new_id=new_id or _mint_id,
            now=now,
            consent_endpoint=consent_endpoint,
        )
        self.reporter = Reporter(
            _to_trackers(trackers),
            Delivery() if delivery is None else delivery,
            notices,
            on_forget=on_forget,
            send=send and _may_send(os.environ),
        )
        _check_parts(config, self.reporter.trackers, self.policy.own_consent, consent_endpoint)
        # What the first request would read from disk is read here.
        registrable_domain("www.shop.example")
        if config.ignore_bots:
            is_bot("-")

    @property
    def config(self) -> Config:
        """How the site names, scopes and ages its cookies."""
        return self.policy.config

    @property
    def trackers(self) -> tuple[Tracker, ...]:
        """Who is told."""
        return self.reporter.trackers

    @trackers.setter
    def trackers(self, trackers: Sequence[Tracker]) -> None:
        self.reporter.trackers = tuple(trackers)

    @property
    def delivery(self) -> Delivery:
        """How it gets there."""
        return self.reporter.delivery

    @delivery.setter
    def delivery(self, delivery: Delivery) -> None:
        self.reporter.delivery = delivery

    @property
    def on_forget(self) -> Callable[[Visitor], object] | None:
        """Who else is told of a visitor to forget."""
        return self.reporter.on_forget

    @on_forget.setter
    def on_forget(self, on_forget: Callable[[Visitor], object] | None) -> None:
        self.reporter.on_forget = on_forget

    @property
    def now(self) -> Callable[[], float]:
        """The site's clock."""
        return self.policy.now

    @now.setter
    def now(self, now: Callable[[], float]) -> None:
        self.policy.now = now

    def start(self, *, secret_key: str | bytes | None = None, former_keys: Iterable[str | bytes] = ()) -> None:
        """Take the framework's secrets if the site has none of its own; every door calls this once, at start-up.

        Args:
            secret_key: The one that seals.
            former_keys: Those that only open.

        Raises:
            ConfigError: The ruid cookie is to be sealed, and there is no key.
            MissingExtra: It is to be sealed, and nothing is installed that can.
            BrokenExtra: It is to be sealed, and what can is installed and cannot be imported.
        """
        self.policy.take_keys(secret_key, former_keys)

    def begin(self, view: RequestView, *, debug: bool = False, request: Callable[[], object] | None = None) -> Tracking:
        """Begin one request's tracking. Parses nothing.

        Args:
            view: The request.
            debug: The framework's debug flag.
            request: Gives the framework's own request to ``user_id``.
        """
        if self._asleep:
            self._rouse()
        policy = self.policy
        strict = debug if self.strict is None else self.strict
        view.time = policy.now()
        view.finder = policy.find_cookies
        if policy.trusted_proxies:
            view.correct(*read_forwarded(view, policy.trusted_proxies))
        if policy.user_id is None:
            request = None
        return (_traced() if debug else Tracking)(policy, self.reporter, view, strict, request)

    def _rouse(self) -> None:
        self._asleep = False
        if self.reporter.send:
            self.delivery.rouse()

    def _sleep(self) -> None:
        self._asleep = True

    def _rest(self) -> None:
        """Leave a forking process as it is."""

    def defer(self, outer: Tracking) -> None:
        """Leave a request to the door around this site's; that of another site is most likely a mistake."""
        if not outer.belongs_to(self.policy):
            self.policy.notices.warn_once(
                "nested",
                "a door of another Site is around this site's: the outer one has the requests, and this site's settings"
                " and trackers have none; give both doors one Site, or take the outer one away",
            )

    def resume(self, token: str) -> Resumed:
        """Report under a visitor's ids long after their request: at a payment's return, in a webhook or a task.

        Args:
            token: From `Tracking.snapshot`. Anything else never raises: its events are refused and counted.

        Raises:
            ConfigError: The site has no ``secret_keys``, so that no token can be opened.
        """
        visitor = None if token == NO_SNAPSHOT else self.policy.parse_snapshot(token)
        return Resumed(self.reporter, visitor, strict=bool(self.strict))

    def warm_up(self) -> None:
        """Open what the first event would open, so that no page waits for a file: after a server forked its workers.

        An ASGI door calls it when the application has started; under WSGI, call it in the server's post-fork hook.
        A spool that cannot be used is an error in the log, and its events will be counted as refused.
        """
        if not self.reporter.send:
            return
        try:
            self.delivery.warm_up()
        except (DeliveryError, SpoolError) as error:
            self.policy.notices.say(logging.ERROR, f"events cannot be kept: {error}")

    def flush(self, timeout: float = 5.0) -> int:
        """Wait at most *timeout* seconds until everything is delivered; returns how many requests are still pending."""
        return self.delivery.flush(timeout)

    def close(self, timeout: float = 5.0) -> int:
        """Flush and stop, in at most *timeout* seconds; returns how many requests are pending, safe in the spool."""
        return self.delivery.close(timeout)

    def stats(self) -> Stats:
        """Count wire requests: accepted = delivered + pending + failed + erased; refused stands outside, by reason.

        Raises:
            SpoolError: The spool cannot be read. Says why, and what to do.
        """
        return self.delivery.stats()

    def __repr__(self) -> str:
        """Name the trackers."""
        return f"<Site with {', '.join(tracker.name for tracker in self.trackers) or 'no tracker'}>"


def _check_config(config: object, trackers: object) -> None:
    """Look for what was written in a configuration's place."""
    if isinstance(config, Config):
        return
    if isinstance(trackers, Config):
        raise ConfigError(f"config: is {_say(config)} and trackers is a Config; write Site(config, trackers=[...])")
    raise ConfigError(f"config: is {_say(config)}; write Site(Config(...), trackers=[...])")


def _to_trackers(trackers: object) -> tuple[Tracker, ...]:
    said, name = _say(trackers), type(trackers).__name__
    single = hasattr(trackers, "requests") and not isinstance(trackers, type)
    if single or isinstance(trackers, str | bytes | Mapping) or not isinstance(trackers, Iterable):
        what = f"{name}(...)" if single else "Raptor(...), Yoochoose(...)"
        raise ConfigError(f"trackers: is {said}; write trackers=[{what}]")
    return tuple(cast("Iterable[Tracker]", trackers))


def _may_send(environment: Mapping[str, str]) -> bool:
    said = environment.get(SWITCH, "").strip().lower()
    if said not in ("", "0", "1", "false", "true", "no", "yes", "off", "on"):
        raise ConfigError(f"{SWITCH}: is {said[:20]!r}, in the environment; write 0 to send nothing, or 1")
    return said not in ("0", "false", "no", "off")


def _say(found: object) -> str:
    """Name what was given: never its value, which may hold a key or a password."""
    return f"the class {found.__name__}" if isinstance(found, type) else f"a {type(found).__name__}"


def check_door(app: object, site: object, parameters: tuple[str, ...]) -> None:
    """Check what a door is put around, at start-up.

    Args:
        app: The application.
        site: Whose visitors it serves.
        parameters: What the door calls an application with, by the names of its protocol.

    Raises:
        ConfigError: They are swapped; or one is something else; or the application speaks the other protocol.
    """
    if isinstance(app, Site):
        raise ConfigError("app: is a Site, which comes second; write TrackingMiddleware(app, site)")
    if not isinstance(site, Site):
        raise ConfigError(f"site: is {_say(site)}; write TrackingMiddleware(app, Site(config, trackers=[...]))")
    if not callable(app):
        raise ConfigError(f"app: is {_say(app)}, which cannot be called; write TrackingMiddleware(app, site)")
    if not _takes(app, len(parameters)) and _takes(app, 5 - len(parameters)):
        here, there = ("wsgi", "asgi") if len(parameters) == 2 else ("asgi", "wsgi")
        raise ConfigError(
            f"app: is called otherwise than with ({', '.join(parameters)}): it speaks {there.upper()}; write"
            f" footfall.{there}.TrackingMiddleware, not footfall.{here}'s"
        )


def _takes(app: Callable[..., object], number: int) -> bool:
    try:
        inspect.signature(app).bind(*range(number))
    except TypeError:
        return False
    except ValueError:  # one written in C does not say
        return True
    return True


def _check_parts(
    config: Config, trackers: Sequence[Tracker], own_consent: OwnCookie | None, consent_endpoint: str | None
) -> None:
    """Check a site's trackers, domains and names against each other and the public suffix list.

    Raises:
        ConfigError: Something is wrong. Names field, finding and remedy.
    """
    _check_trackers(trackers)
    for field in ("cookie_domain", "former_cookie_domain"):
        domain = getattr(config, field)
        if domain not in (None, "auto") and is_public_suffix(domain):
            raise ConfigError(
                f"{field} {domain!r} is a public suffix: no browser keeps a cookie for it;"
                f" write the domain that you registered, such as 'shop.{domain}'"
            )
    if own_consent is not None and own_consent.name in config.cookie_names.by_role().values():
        raise ConfigError(
            f"own_cookie(name={own_consent.name!r}) is a name in cookie_names too; give it one of its own"
        )
    if consent_endpoint is not None and not consent_endpoint.startswith("/"):
        raise ConfigError(f"consent_endpoint: is {consent_endpoint!r}; write a path such as '/consent'")


def _traced() -> type[Tracking]:
    from footfall.tracking.trace import TracedTracking  # in debug alone

    return TracedTracking


def _check_trackers(trackers: Sequence[Tracker]) -> None:
    from footfall.trackers.protocol import Tracker

    names: set[str] = set()
    for at, tracker in enumerate(trackers):
        if not isinstance(tracker, Tracker):  # pyright: ignore[reportUnnecessaryIsInstance] - an untyped caller's
            found = type(tracker).__name__
            raise ConfigError(f"trackers[{at}]: is a {found}; give it name and requests(event, visitor)")
        if isinstance(tracker, type):
            raise ConfigError(f"trackers[{at}]: is the class {tracker.__name__}; write {tracker.__name__}(...)")
        if not isinstance(tracker.name, str) or not tracker.name:  # pyright: ignore[reportUnnecessaryIsInstance]
            found = type(tracker).__name__
            raise ConfigError(f"trackers[{at}], a {found}, has no text for a name; write one as in name = 'webhook'")
        if tracker.name in names:
            raise ConfigError(f"two trackers are named {tracker.name!r}; give one of them another name=")
        names.add(tracker.name)
