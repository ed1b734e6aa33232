"""What is wrong or risky in a site's configuration, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from footfall.check.record import requests_of
from footfall.config import HOW_TO_WRITE_KEYS, PLACEHOLDER, Config, ConsentReader, demands_of
from footfall.consent import always_granted, cookie_names_of, own_cookie_of
from footfall.errors import BrokenExtra, EngineError
from footfall.events import Click, Login, PageView
from footfall.identity.seal import Sealer
from footfall.site import Site

__all__ = ["SEVERITIES", "Finding", "Severity", "check_engine", "check_site"]

Severity = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")  #: worst first

# Server-side Tracking, "Raptor cookie" and "Session".
_YEAR = timedelta(days=365)
_VISIT = timedelta(minutes=20)
_MOUNTS = Path("/proc/mounts")
_SHARES = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about a configuration that somebody should know."""

    severity: Severity
    """``"error"``: something does not work; ``"warning"``: it is risky or loses something; ``"note"``: good to know."""
    field: str  #: the setting
    finding: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.field}: {self.finding}; {self.remedy}"


def check_site(site: Site) -> list[Finding]:
    """Find what is wrong or risky in a site's configuration, worst first.

    What can never work was refused when the site was made; what is found here may be intended. It looks at the machine
    it runs on (the spool's folder, what is installed), writes nothing, and asks no tracker.
    """
    found = [finding for check in _CHECKS for finding in check(site)]
    return sorted(found, key=lambda one: SEVERITIES.index(one.severity))


def check_engine(site: Site) -> list[Finding]:
    """Ask a site's engine whether it is fit: the one check that goes over the network, for 15 seconds at most."""
    settings = site.delivery.settings
    if settings.engine is None:
        return []
    from footfall.delivery.engines.opening import open_engine

    engine = open_engine(settings.engine)
    try:
        texts = [one.text for one in engine.check() if not (settings.engine_durable and one.durability)]
    except EngineError as error:
        return [_error("engine", str(error).removesuffix("; it is tried again"), "start it, or correct its URL")]
    finally:
        engine.close()
    return [_error("engine", finding, remedy) for finding, _, remedy in (text.partition("; ") for text in texts)]


def _error(field: str, finding: str, remedy: str) -> Finding:
    return Finding(severity="error", field=field, finding=finding, remedy=remedy)


def _warning(field: str, finding: str, remedy: str) -> Finding:
    return Finding(severity="warning", field=field, finding=finding, remedy=remedy)


def _note(field: str, finding: str, remedy: str) -> Finding:
    return Finding(severity="note", field=field, finding=finding, remedy=remedy)


# Consent


def _check_consent(site: Site) -> Iterator[Finding]:
    reader, endpoint = site.policy.reader, site.policy.consent_endpoint
    readers: Mapping[str, ConsentReader] = {"device": reader, "person": reader} if callable(reader) else reader
    given = sorted(purpose for purpose, one in readers.items() if one is always_granted)
    if given:
        of = "" if len(given) == 2 else f" of the purpose {given[0]!r}"
        yield _warning(
            "consent",
            f"is always_granted{of}: no visitor is asked",
            "read the visitor's choice, by own_cookie() or your consent platform, unless law or a contract settles it",
        )
    if "device" not in given:
        yield from _say_who_grants(site)
    if site.policy.own_consent is None and endpoint is not None:
        yield _error(
            "consent_endpoint",
            "takes choices that nothing keeps: the site reads no cookie of its own",
            "write consent=own_cookie(), or any_of(own_cookie(), ...), or leave the endpoint out",
        )
    if site.policy.own_consent is not None and endpoint is None:
        yield _note(
            "consent_endpoint",
            "is not set: only a view's grant() records consent, and the banner loses the landing page's reaid",
            "write Site(consent_endpoint='/consent') and let the banner post to it",
        )
    if not callable(reader):
        yield from _check_purposes(readers)
    if site.policy.reads_consent_async:
        yield _note(
            "consent",
            "is an async reader: behind WSGI, Flask or a sync Django its visitors stay unknown",
            "keep to ASGI doors, or write a plain function",
        )


def _say_who_grants(site: Site) -> Iterator[Finding]:
    own, endpoint = site.policy.own_consent, site.policy.consent_endpoint
    elsewhere = sorted(set(cookie_names_of(site.policy.reader)) - ({own.name} if own is not None else set()))
    ways = [] if own is None else ["tracking.grant() in a view"]
    if own is not None and endpoint is not None:
        ways.append(f"a POST to {endpoint}?grant")
    if elsewhere:
        ways.append(f"whatever writes the cookies {', '.join(elsewhere)}")
    yield _note(
        "consent",
        f"is granted by {', or '.join(ways) or 'what your own reader reads'}; until then no event is accepted",
        "while you develop, write consent=always_granted to see events without a banner",
    )


def _check_purposes(readers: Mapping[str, ConsentReader]) -> Iterator[Finding]:
    own = [purpose for purpose, one in readers.items() if own_cookie_of(one) is not None]
    if readers["device"] is readers["person"]:
        yield _note(
            "consent",
            "has the same reader for both purposes",
            "write it alone: an own_cookie() gates each purpose by its own answer",
        )
    elif len(own) == 1:
        yield _warning(
            "consent",
            f"keeps grant() and deny() for the purpose {own[0]!r} only; for the other they last one response",
            "give both purposes own_cookie(), alone or within any_of(...) or all_of(...)",
        )


def _check_signals(site: Site) -> Iterator[Finding]:
    if not site.config.honour_gpc:
        yield _warning(
            "honour_gpc",
            "is off: Sec-GPC: 1 is a valid opt-out in California and other states (11 CCR 7025)",
            "leave it on, unless none of your visitors has that right",
        )
    if site.on_forget is None:
        yield _warning(
            "on_forget",
            "is not set: a visitor who is forgotten here stays known to the trackers' vendors",
            "write Site(on_forget=...) and ask them to erase the ids it is given (GDPR, Art. 17)",
        )


# Cookies


def _check_seal(site: Site) -> Iterator[Finding]:
    config = site.config
    if config.person_ids == "ruid+reaid":
        if config.ruid_cookie == "base64":
            yield _warning(
                "ruid_cookie",
                "is 'base64': whoever sees the cookie reads the visitor's address",
                "write ruid_cookie='sealed' and secret_keys, or 'off'",
            )
        elif config.ruid_cookie == "sealed" and find_spec("cryptography") is None:
            yield _error(
                "ruid_cookie",
                "is 'sealed', and the package cryptography is not installed",
                "python3 -m pip install 'footfall[seal]', or write ruid_cookie='off'",
            )
        elif config.ruid_cookie == "sealed" and (broken := _find_broken_seal()) is not None:
            yield _error("ruid_cookie", f"is 'sealed': {broken}", "or write ruid_cookie='off'")
    if not config.secret_keys and config.ruid_cookie == "sealed" and config.person_ids == "ruid+reaid":
        yield _warning(
            "secret_keys",
            "is empty and ruid_cookie is 'sealed': plain ASGI and WSGI do not start; Django and Flask seal with their"
            " own SECRET_KEY",
            f"{HOW_TO_WRITE_KEYS}, so that either key can be renewed alone",
        )
    elif not config.secret_keys:
        yield _note(
            "secret_keys",
            "is empty: tracking.snapshot() and site.resume() do not work",
            f"{HOW_TO_WRITE_KEYS} to report a purchase from a webhook",
        )


def _find_broken_seal() -> BrokenExtra | None:
    try:
        Sealer([PLACEHOLDER], os.urandom)
    except BrokenExtra as error:
        return error
    return None


def _check_cookies(site: Site) -> Iterator[Finding]:
    config = site.config
    if config.secure is False:
        yield _warning(
            "secure",
            "is False: browsers send the ids over plain http, where anybody on the way reads them",
            "write secure='auto', or True where the whole site is https",
        )
    if config.script_access:
        yield _warning(
            "script_access",
            "is on: every script in a page reads the device and session ids",
            "switch it off once no vendor's page script needs them",
        )
    if config.cookie_domain is None:
        yield _note(
            "cookie_domain",
            "is None: www.shop.example and shop.example see two visitors in one",
            "write 'auto', or the domain, unless the site has a single host",
        )
    if not config.strip_query_ids:
        yield _note(
            "strip_query_ids",
            "is off: after a newsletter's link the address bar, server logs and Referers hold the visitor's token",
            "write strip_query_ids=True, at the price of a redirect on those pages",
        )
    yield from _check_lifetimes(config)


def _check_https(site: Site) -> Iterator[Finding]:
    config, own = site.config, site.policy.own_consent
    over_http = "over plain http, http://localhost included,"
    if site.policy.needs_https:
        yield _note(
            "secure" if config.secure is True else "cookie_names",
            ("is True" if config.secure is True else "have a name whose prefix asks for https")
            + f": {over_http} no cookie of ours sticks, and every page is a new visitor's",
            "develop with secure='auto' and names without the prefix, or over https",
        )
    if own is not None and demands_of(own.name):
        yield _note(
            "consent",
            f"is kept under a name whose prefix asks for https: {over_http} no choice is remembered",
            "develop with own_cookie() under another name, or over https",
        )


def _check_lifetimes(config: Config) -> Iterator[Finding]:
    if config.device_lifetime != _YEAR:
        yield _note(
            "device_lifetime",
            f"is {config.device_lifetime.days} days; the tracker's document says 365 since the last visit",
            "write timedelta(days=365), unless you know why: recommendations and figures are made for a year",
        )
    if config.session_idle > _VISIT:
        yield _warning(
            "session_idle",
            f"is {config.session_idle}; the tracker's document ends a visit after 20 minutes at most",
            "write timedelta(minutes=20)",
        )
    elif config.session_idle < _VISIT:
        yield _note(
            "session_idle",
            f"is {config.session_idle}: a visitor who reads for longer begins another visit",
            "write timedelta(minutes=20), as the tracker's document has it",
        )


# Requests


def _check_visitors(site: Site) -> Iterator[Finding]:
    if not site.config.ignore_bots:
        yield _warning(
            "ignore_bots",
            "is off: crawlers are counted as visitors, each page as a new one",
            "leave it on",
        )
    else:
        yield _note(
            "ignore_bots",
            "takes curl, python-requests, httpx, headless browsers and whoever sends no user agent"
            " (Django's test client) for bots: no event of theirs is accepted",
            "send the User-Agent of a browser to try it out, or write ignore_bots=False in tests",
        )
    if site.strict is True:
        yield _warning(
            "strict",
            "is True: a wrong event is an error page for the visitor, in production too",
            "leave it out: the framework's debug flag decides",
        )


def _check_trackers(site: Site) -> Iterator[Finding]:
    if not site.trackers:
        yield _warning("trackers", "is empty: no tracker is told anything", "write Site(config, trackers=[...])")
    hosts: dict[str, tuple[str, str]] = {}
    learns_login = False
    for tracker in site.trackers:
        for event in (PageView(), Click("1"), Login("the-user")):
            for request in requests_of(tracker, event):
                address = urlsplit(request.url)
                hosts[tracker.name] = address.scheme, address.hostname or ""
                learns_login = learns_login or request.kind == "login"
    for name, (scheme, host) in hosts.items():
        if _is_loopback(host):
            yield _note(
                f"tracker {name}",
                f"is on this machine ({host})",
                "give it its vendor's base_url in production; footfall tracker is for development",
            )
        elif scheme == "http":
            yield _warning(
                f"tracker {name}",
                f"is reached by plain http ({host}): anybody on the way reads who visits and what they do",
                "write an https base_url",
            )
    if site.trackers and site.policy.user_id is None:
        what = "no Login is ever followed by its user's events" if learns_login else "no event says who is logged in"
        yield (_warning if learns_login else _note)(
            "user_id",
            f"is not set: later requests are anonymous, and {what}",
            "write Site(user_id=lambda request: ...), which returns who is logged in, or None",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# Delivery


def _check_delivery(site: Site) -> Iterator[Finding]:
    settings = site.delivery.settings
    if settings.path is None:
        yield _warning(
            "spool",
            "is in memory: what is not delivered when the process ends is lost",
            "write Delivery('sqlite:////var/lib/shop/footfall.sqlite3')",
        )
        return
    if settings.relative:
        yield _warning(
            "spool",
            f"is relative: here it is {settings.path}, elsewhere it depends on where the server is started",
            "write four slashes and the whole path: sqlite:////var/lib/shop/footfall.sqlite3",
        )
    if not settings.deliver_here:
        yield _note("deliver_here", "is off: this site sends nothing by itself", "run footfall deliver beside it")
    yield from _check_folder(settings.path)


def _check_folder(spool: Path) -> Iterator[Finding]:
    folder = spool.parent
    if not folder.is_dir():
        yield _error("spool", f"has no folder: {folder} does not exist", f"make it: mkdir -p {folder}")
        return
    taken = [path for path in (folder, spool) if path.exists() and not os.access(path, os.W_OK)]
    for path in taken:
        yield _error(
            "spool", f"cannot be written by this user: {path}", "give the user that the site runs as write access"
        )
    kind = _filesystem(folder)
    if kind in ("tmpfs", "ramfs"):
        yield _warning(
            "spool", f"is on {kind}: what waits is lost when the machine restarts", "put it on a disk, under /var/lib"
        )
    elif kind in _SHARES:
        yield _error("spool", f"is on a network share ({kind}), on which SQLite loses data", "put it on a local disk")
    elif kind == "overlay":
        yield _note(
            "spool", "is in a container's own layer: it goes when the container is replaced", "mount a volume for it"
        )


def _filesystem(folder: Path) -> str | None:
    """Return the type of the filesystem that holds a folder; ``None`` where the system does not say."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    place, best, kind = folder.resolve(), -1, None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " "))
        # Of several mounts on one point, the last hides the others.
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind


_CHECKS: tuple[Callable[[Site], Iterator[Finding]], ...] = (
    _check_consent,
    _check_signals,
    _check_seal,
    _check_cookies,
    _check_https,
    _check_visitors,
    _check_trackers,
    _check_delivery,
)
