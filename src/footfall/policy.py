"""What one site makes of a request, prepared once at start-up: its names, readers and keys, and its own functions."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from footfall.config import HOW_TO_WRITE_KEYS, Config
from footfall.consent import Bridge, Question, cookie_names_of, is_async, make_bridge, own_cookie, own_cookie_of
from footfall.errors import BrokenExtra, ConfigError, MissingExtra
from footfall.identity.classify import classify_request
from footfall.identity.cookies import SET_COOKIE, format_tail
from footfall.identity.domain import LONGEST_HOST, cookie_scope, matches_domain, parse_host
from footfall.identity.recognize import Names
from footfall.identity.seal import Sealer
from footfall.identity.snapshot import format_snapshot, parse_snapshot
from footfall.identity.visitor import Visitor
from footfall.request import CookieFinder, RequestClass, RequestView

if TYPE_CHECKING:
    from footfall.delivery.notices import Notices

__all__ = ["Place", "Policy"]

BRIDGE = Path(__file__).with_name("consent") / "bridge.js"
LONGEST_ANONYMOUS_ID = 512
LONGEST_REMEMBERED = 1000  # characters of a request's telling headers: browsers' come to some 400
MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)  # the Host is the visitor's to choose
class Place:
    """Where the cookies of one host's responses live, with the lines' ends that every visit needs ready."""

    scope: str  #: what a sealed cookie is bound to
    domain: str | None  #: for the ``Domain`` attribute; ``None``: host-only
    secure: bool
    former_domain: str | None  #: where the site's cookies lived before, if this host may expire them
    device_tail: str  #: of the device cookie's line, behind its value
    session_tail: str
    person_tail: str  #: of ruid, reaid and xuid
    open_line: tuple[str, str]  #: the session's companion, whole


class Policy:
    """Answers, for one site, what a request is, what its visitor allows, and how its cookies are named and sealed."""

    def __init__(
        self,
        config: Config,
        notices: Notices,
        *,
        user_id: Callable[[Any], str | int | Awaitable[str | int | None] | None] | None,
        new_id: Callable[[], str],
        now: Callable[[], float],
        consent_endpoint: str | None,
    ) -> None:
        """Prepare what does not vary between requests; arguments are those of `footfall.Site`."""
        self.config = config
        self.notices = notices
        self.user_id = user_id
        self.new_id = new_id
        self.now = now
        self.consent_endpoint = consent_endpoint
        self.consent_path = None if consent_endpoint is None else unquote_to_bytes(consent_endpoint)
        self.names = Names(config.cookie_names)
        self.former = None if config.former_cookie_names is None else Names(config.former_cookie_names)
        self.uses_xuid = config.person_ids == "xuid"
        self.token_name = "xuid" if self.uses_xuid else "reaid"  #: which of the two this site uses
        self.token_cookie: str = getattr(self.names, self.token_name)
        self.device_seconds = int(config.device_lifetime.total_seconds())
        self.session_seconds = int(config.session_idle.total_seconds())
        self.public_responses, self.trusted_proxies = config.public_responses, config.trusted_proxies
        self.ends_with_browser = config.session_ends_with_browser
        self.needs_https = config.secure is True or config.cookie_names.need_https  #: else no browser keeps a cookie
        self._seal_error: MissingExtra | BrokenExtra | None = None  #: why the framework's secret seals nothing
        self.sealer: Sealer | None = Sealer(config.secret_keys, os.urandom) if config.secret_keys else None
        self.reader = own_cookie() if config.consent is None else config.consent
        self.own_consent = own_cookie_of(self.reader)  #: the cookie that grant() and deny() write, if any
        self.bridge: Bridge | None = None  #: the script that tells of a choice which no server sees
        if consent_endpoint is not None and consent_endpoint.startswith("/") and self.own_consent is not None:
            source = BRIDGE.read_text(encoding="utf-8")
            self.bridge = make_bridge(source, consent_endpoint, self.own_consent, heed_gpc=config.honour_gpc is True)
        self.reads_consent_async = is_async(self.reader)  #: an ASGI door then asks before the application runs
        question = Question(self.reader, honour_gpc=config.honour_gpc, on_error=self._consent_failed)
        self.read_consents = question.ask  #: what the visitor has said of the device, and of the person
        self.heeds_gpc = question.heeds_gpc
        self.read_consents_async = question.ask_async  #: the same, where the site's reader has to be awaited
        ours = {
            name
            for names in (config.cookie_names, config.former_cookie_names)
            if names is not None
            for name in names.by_role().values()
        }
        own = () if self.own_consent is None else (self.own_consent.name,)
        self.cookie_names = frozenset(ours.union(own))  #: of every cookie that the site writes or expires
        self.find_cookies = CookieFinder(ours.union(cookie_names_of(self.reader)))
        self._own_class = config.classify
        self._classes: dict[tuple[object, ...], RequestClass] = {}
        self._places: dict[tuple[str, bool], Place] = {}

    def take_keys(self, secret_key: str | bytes | None, former_keys: Iterable[str | bytes]) -> None:
        """Take the framework's secrets if the site has none of its own: one seals, the former ones only open.

        Raises:
            ConfigError: The ruid cookie is to be sealed, and there is no key.
            MissingExtra: It is to be sealed, and nothing is installed that can.
            BrokenExtra: It is to be sealed, and what can is installed and cannot be imported.
        """
        must_seal = self.config.ruid_cookie == "sealed" and self.config.person_ids == "ruid+reaid"
        if self.sealer is None and isinstance(secret_key, (str, bytes)) and secret_key:
            several = (former_keys,) if isinstance(former_keys, (str, bytes)) else former_keys
            former = [key for key in several if isinstance(key, (str, bytes)) and key]
            try:
                self.sealer = Sealer([secret_key, *former], os.urandom)
            except (MissingExtra, BrokenExtra) as error:
                if must_seal:
                    raise
                self._seal_error = error
        if self.sealer is None and must_seal:
            raise ConfigError(
                f"ruid_cookie: is 'sealed', and secret_keys is empty; {HOW_TO_WRITE_KEYS},"
                " or ruid_cookie='base64' (readable by anyone), or ruid_cookie='off';"
                " in Flask and Django a SECRET_KEY that is set before will do"
            )

    # What a request is, and what its visitor allows

    def classify(self, view: RequestView) -> RequestClass:
        """Tell what a request is; a site's own function that raises is as good as none."""
        if self._own_class is not None and (own := self._ask_own_class(self._own_class, view)) is not None:
            return own
        # All that the package's own function looks at; the host only where a page elsewhere may have sent a form.
        host = None if view.method == "GET" else view.host
        key = (view.method, view.scheme, host, view.telling())
        found = self._classes.get(key)
        if found is None:
            found = classify_request(view, ignore_bots=self.config.ignore_bots)
            if len(view.method) + len(view.host) + sum(len(part) for part in key[3] if part) <= LONGEST_REMEMBERED:
                if len(self._classes) >= MOST_REMEMBERED:
                    self._classes.clear()
                self._classes[key] = found
        return found

    def _ask_own_class(self, classify: Callable[[RequestView], RequestClass], view: RequestView) -> RequestClass | None:
        try:
            found = classify(view)
        except Exception as error:  # noqa: BLE001 - the site's own code, on a page that must not fail because of us
            # Not its message: it may quote what the visitor sent.
            finding = f"raised {type(error).__name__}"
        else:
            if isinstance(found, RequestClass):  # pyright: ignore[reportUnnecessaryIsInstance]
                return found
            finding = f"returned a {type(found).__name__}"
        self.notices.warn_once("classify", f"Config.classify {finding}: the package's own is used")
        return None

    def _consent_failed(self, finding: object) -> None:
        name = type(finding).__name__
        self.notices.warn_once(f"consent {name}", f"the consent reader failed ({name}): the visitor counts as unknown")

    def anonymous_id(self, view: RequestView) -> str | None:
        """Ask the site for an anonymous id of its own."""
        if self.config.anonymous_id is None:
            return None
        try:
            found = self.config.anonymous_id(view)
        except Exception as error:  # noqa: BLE001 - the site's own code, on a page that must not fail because of us
            name = type(error).__name__
            self.notices.warn_once("anonymous_id", f"Config.anonymous_id raised {name}: the device id is used")
            return None
        # The visitor may have written it: what no tracker takes as a segment of a path counts as none.
        if not isinstance(found, str) or found in (".", "..") or "\\" in found:
            return None
        return found if found.isprintable() and 0 < len(found) <= LONGEST_ANONYMOUS_ID else None

    # Its cookies

    def place(self, view: RequestView) -> Place:
        """Tell where the cookies of a request's response live. Remembered by its host and scheme."""
        key = (view.host, view.secure)
        place = self._places.get(key)
        if place is None:
            place = self._find_place(view)
            if len(view.host) <= LONGEST_HOST:
                if len(self._places) >= MOST_REMEMBERED:
                    self._places.clear()
                self._places[key] = place
        return place

    def _find_place(self, view: RequestView) -> Place:
        config = self.config
        scope = cookie_scope(view.host, config.cookie_domain)
        if scope.mismatch:
            domain = config.cookie_domain
            self.notices.warn_once(
                "cookie_domain", f"a request's host is not below cookie_domain {domain!r}: its cookies are host-only"
            )
        former = config.former_cookie_domain
        if former is not None and (former == scope.domain or not matches_domain(parse_host(view.host), former)):
            former = None
        secure = view.secure if config.secure == "auto" else config.secure
        domain, hidden = scope.domain, not config.script_access
        return Place(
            scope=scope.name,
            domain=domain,
            secure=secure,
            former_domain=former,
            device_tail=format_tail(self.device_seconds, domain, secure, hidden),
            session_tail=format_tail(self.session_seconds, domain, secure, hidden),
            person_tail=format_tail(self.device_seconds, domain, secure, http_only=True),
            open_line=(SET_COOKIE, f"{self.names.session_open}=1{format_tail(None, domain, secure, http_only=True)}"),
        )

    def seal(self, text: str, name: str, scope: str) -> str:
        """Seal a cookie's text with the newest key."""
        return self._ready_sealer("a sealed ruid cookie").seal(text, name, scope)

    def format_snapshot(self, visitor: Visitor | None) -> str:
        """Seal a visitor's ids; ``None``: there is nobody to report on."""
        return format_snapshot(visitor, self._ready_sealer("snapshot()"), now=self.now())

    def parse_snapshot(self, token: str, *, max_age: float | None = None) -> Visitor | None:
        """Open what `format_snapshot` sealed; ``None``: it is not one of ours, of nobody, or too old."""
        oldest = None if max_age is None else self.now() - max_age
        sealer, anonymous_user = self._ready_sealer("resume()"), self.config.anonymous_user
        return parse_snapshot(token, sealer, anonymous_user=anonymous_user, oldest=oldest)

    def _ready_sealer(self, what: str) -> Sealer:
        if self.sealer is not None:
            return self.sealer
        if self._seal_error is not None:
            raise ConfigError(f"{what} cannot be had: {self._seal_error}") from self._seal_error
        raise ConfigError(
            f"{what} needs secret_keys, and this process has none; {HOW_TO_WRITE_KEYS}. The framework's SECRET_KEY"
            " is known where its application is: in Django, with 'footfall.django' in INSTALLED_APPS; in Flask, after"
            " Footfall(app, site)"
        )
