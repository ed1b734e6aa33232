"""The visits that benchmarks measure, as a browser sends them, and the site that they come to: everything is switched on."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from footfall import Config, Site
from footfall.consent import always_granted, cookiebot, onetrust, own_cookie
from footfall.delivery import Delivery
from footfall.trackers import Raptor, Yoochoose

KEY = "a key of thirty-two letters, say"
NOWHERE = "http://127.0.0.1:9"  # nothing is delivered here; should it be, it goes no further than this machine
EMPTY, EMPTY_LOG = io.BytesIO(), io.StringIO()  # the same for each request: as much the server's as the socket is
HOST = "www.shop.example"
BROWSER = {
    "host": HOST,
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-GB,en;q=0.5",
    "accept-encoding": "gzip, deflate, br, zstd",
    "upgrade-insecure-requests": "1",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "sec-fetch-site": "same-origin",
    "priority": "u=0, i",
}
KNOWN = (
    "rsa=0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11",
    "rsaSession=7c4f1f6e-2a44-4b0e-8f7e-1d2c3b4a5968",
    "rsaSessionOpen=1",
)
REAID = "rsaReaId=AbC123xyz"
CONSENT = f"footfallConsent=1.g.g.{int(time.time())}"


COOKIEBOT = (
    "CookieConsent={stamp:%27Abc/d+e==%27%2Cnecessary:true%2Cpreferences:true%2Cstatistics:true%2Cmarketing:true"
    "%2Cmethod:%27explicit%27%2Cver:1%2Cutc:1764000000000%2Cregion:%27dk%27}"
)
ONETRUST = (
    (
        "OptanonConsent=isGpcEnabled=0&datestamp=Tue+Nov+24+2026+10%3A00%3A00+GMT%2B0100&version=202501.1.0"
        "&consentId=5f2c&interactionCount=1&groups=C0001%3A1%2CC0002%3A1%2CC0004%3A1&AwaitingReconsent=false"
    ),
    "OptanonAlertBoxClosed=2026-11-24T09:00:00.000Z",
)
PLATFORMS: Mapping[str, Any] = {
    "cookiebot": cookiebot("marketing"),
    "onetrust": onetrust("C0004"),
    "two purposes": {"device": cookiebot("statistics"), "person": cookiebot("marketing")},
}


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One kind of request, and how much of its peer's time it may take."""

    name: str
    cookies: tuple[str, ...] = (*KNOWN, REAID)  #: of ours
    sets: frozenset[str] = frozenset({"rsa", "rsaSession", "rsaSessionOpen"})  #: the cookies that its answer must set
    identified: bool = False  #: a sealed ruid cookie is among them
    query: str = ""
    header: int = 1_000  #: the whole Cookie header, in bytes
    crowd: int = 0  #: the whole Cookie header, in cookies, whatever its bytes
    own_consent: bool = False  #: the visitor's consent stands in a cookie; otherwise it is always granted
    platform: str = ""  #: in which platform's cookie it stands
    returning: bool = True  #: has been here: the peer finds its session too
    goal: float | None = None
    aim: float | None = None

    @property
    def settings(self) -> dict[str, Any]:
        if self.platform:
            return {"consent": PLATFORMS[self.platform]}
        return {"consent": own_cookie() if self.own_consent else always_granted}


PERSON = Visit(name="person", goal=0.32, aim=0.23)
OWN = Visit(name="own consent", cookies=(*KNOWN, REAID, CONSENT), own_consent=True, goal=0.42)
SEALED = Visit(name="sealed ruid", identified=True, goal=0.37)
FIRST = Visit(name="first visitor", cookies=(), returning=False, goal=0.55)
LANDING = Visit(
    name="landing",
    cookies=KNOWN,
    sets=PERSON.sets | {"rsaReaId"},
    query="utm_source=mail&reaid=AbC123",
    goal=0.37,
)
VISITS = (
    PERSON,
    Visit(name="anonymous", cookies=KNOWN),
    OWN,
    Visit(name="cookiebot", cookies=(*KNOWN, REAID, COOKIEBOT), platform="cookiebot", goal=0.40),
    Visit(name="onetrust", cookies=(*KNOWN, REAID, *ONETRUST), platform="onetrust", goal=0.40),
    Visit(name="two purposes", cookies=(*KNOWN, REAID, COOKIEBOT), platform="two purposes", goal=0.40),
    SEALED,
    FIRST,
    LANDING,
    Visit(name="4 KB of cookies", header=4_000, goal=0.33),
    Visit(name="300 cookies", crowd=300, goal=0.33),
    Visit(name="4 KB, own consent", cookies=OWN.cookies, own_consent=True, header=4_000),
    Visit(name="300, own consent", cookies=OWN.cookies, own_consent=True, crowd=300),
)


@dataclass(frozen=True)
class Sites:
    """One site for each way to ask for consent, on a SQLite spool each; what is accepted stays there."""

    folder: Path
    made: dict[tuple[bool, str], Site] = field(default_factory=dict)

    def site(self, visit: Visit) -> Site:
        key = visit.own_consent, visit.platform
        if key not in self.made:
            self.made[key] = Site(
                Config(secret_keys=(KEY,), **visit.settings),
                trackers=[Raptor("12345", base_url=NOWHERE), Yoochoose("00000", base_url=NOWHERE)],
                delivery=Delivery(f"sqlite:///{self.folder}/spool{len(self.made)}.sqlite3", deliver_here=False),
                user_id=lambda request: "johndoe",  # noqa: ARG005 - it would look into the request
            )
        return self.made[key]


@contextmanager
def open_sites() -> Iterator[Sites]:
    """Make sites in a temporary folder, and close them."""
    with TemporaryDirectory() as folder:
        sites = Sites(Path(folder))
        try:
            yield sites
        finally:
            for site in sites.made.values():
                site.close(0)


def cookie_header(visit: Visit, *own: str) -> str:
    """Write the visit's Cookie header: *own* in the middle of other people's, and with them of the size that the visit says."""
    mine = [*visit.cookies, *own]
    if visit.crowd:
        others = [f"c{number:03}=17000000{number:03}" for number in range(visit.crowd - len(mine))]
    else:
        others = []
        room = visit.header - sum(len(cookie) + 2 for cookie in mine) + 2
        for number in itertools.count():
            cookie = f"_ga_{number:03}=GS1.1.17000000{number:02}.1.1.1700000{number:03}.0.0.0"
            if room < 2 * (len(cookie) + 2):  # the last one takes what is left
                others.append(cookie.ljust(room - 2, "0"))
                break
            others.append(cookie)
            room -= len(cookie) + 2
    half = len(others) // 2
    return "; ".join([*others[:half], *mine, *others[half:]])


def make_scope(headers: Mapping[str, str], query: str = "", path: str = "/shirt") -> dict[str, Any]:
    """Write a request as an ASGI server does."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 443),
        "state": {},
    }


def make_environ(headers: Mapping[str, str], query: str = "", path: str = "/shirt") -> dict[str, Any]:
    """Write a request as a WSGI server does."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": EMPTY,
        "wsgi.errors": EMPTY_LOG,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()},
    }
