"""The words of the table: a case, what browsers send, what views do, and the lines that must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.doors.exchange import FIREFOX, PAGE, Headers, Reply, Request, View

from footfall import Tracking
from footfall.events import Click

ALICE = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
VISIT = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
OTHER = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
KNOWN = f"rsa={ALICE}; rsaSession={VISIT}; rsaSessionOpen=1"
YEAR = 31536000
#: The clock of these sites stands here, so a choice of this second is a fresh one.
NOW = 1700000000


def attributes(*, domain: str | None = "shop.example", secure: bool = True, http_only: bool = True) -> str:
    """Return what follows a cookie's value and age."""
    return (
        (f"; Domain={domain}" if domain else "")
        + "; Path=/"
        + ("; Secure" if secure else "")
        + ("; HttpOnly" if http_only else "")
        + "; SameSite=Lax"
    )


def ids(device: str, session: str, **scope: Any) -> list[str]:
    """Return the three lines of a visit."""
    return [f"rsa={device}; Max-Age={YEAR}{attributes(**scope)}", *session_lines(session, **scope)]


def session_lines(session: str, **scope: Any) -> list[str]:
    return [
        f"rsaSession={session}; Max-Age=1200{attributes(**scope)}",
        f"rsaSessionOpen=1{attributes(**scope)}",
    ]


def person(name: str, value: str) -> str:
    return f"{name}={value}; Max-Age={YEAR}{attributes()}"


#: The table opens a sealed cookie and shows what was in it.
ANNA = person("rsaRuid", "<anna@shop.example>")


def expired(*names: str) -> list[str]:
    """Return the lines that expire cookies in both scopes."""
    return [f"{name}=; Max-Age=0{attributes(domain=domain)}" for name in names for domain in (None, "shop.example")]


def consent_line(choice: str) -> str:
    return f"footfallConsent=1.{choice}.{NOW}; Max-Age=15552000{attributes(http_only=False)}"


def raptor(device: str, session: str, *, person: str = "", user: str = "") -> str:
    """Return Raptor's request for the click on 3298; *person* is what follows the device, in its order."""
    ruid, _, reaid = person.partition("|")
    return (
        f"https://t.raptorsmartadvisor.com/12345.rsa?p1=visit&p2=3298{user and f'&p7={user}'}"
        f"&coid={device}{ruid and f'&ruid={ruid}'}&sid={session}{reaid and f'&{reaid}'}"
    )


def yoochoose(user: str) -> str:
    return f"https://event.yoochoose.net/api/00000/click/{user}/1/3298"


def both(device: str, session: str) -> list[str]:
    return [raptor(device, session), yoochoose(device)]


# What views do


def nothing(tracking: Tracking) -> None: ...


def emit(tracking: Tracking) -> None:
    tracking.emit(Click(item="3298"))


def read(tracking: Tracking) -> None:
    assert tracking.device_id != ""


def identify(tracking: Tracking) -> None:
    tracking.identify("anna@shop.example")


def identify_and_emit(tracking: Tracking) -> None:
    identify(tracking)
    emit(tracking)


def login_and_emit(tracking: Tracking) -> None:
    tracking.login("johndoe")
    emit(tracking)


def emit_and_grant(tracking: Tracking) -> None:
    emit(tracking)
    tracking.grant()


def emit_and_deny(tracking: Tracking) -> None:
    emit(tracking)
    tracking.deny()


def grant_device(tracking: Tracking) -> None:
    tracking.grant(person=False)
    identify(tracking)


def deny(tracking: Tracking) -> None:
    tracking.deny()


def forget(tracking: Tracking) -> None:
    tracking.forget()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the table."""

    what: str
    request: Request = field(default_factory=Request)
    view: View = nothing
    reply: Reply = field(default_factory=Reply)
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    site: dict[str, Any] = field(default_factory=dict[str, Any])
    cookies: list[str] = field(default_factory=list[str])
    cache_control: list[str] | None = None  #: ``None``: a bare private where there are cookies
    vary: list[str] = field(default_factory=list[str])
    wire: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])  #: reasons, one for each tracker
    status: int | None = None  #: ``None``: as the view answered
    location: list[str] = field(default_factory=list[str])


def with_headers(*lines: tuple[str, str], base: Headers = PAGE) -> Headers:
    """Return a page's headers with some replaced or added."""
    names = {name for name, _ in lines}
    return [line for line in base if line[0] not in names] + list(lines)


def fetched(site: str, destination: str, mode: str = "cors", *lines: tuple[str, str]) -> Headers:
    """Return what a browser says of what is no page."""
    return [
        ("user-agent", FIREFOX),
        ("accept", "*/*"),
        ("sec-fetch-site", site),
        ("sec-fetch-mode", mode),
        ("sec-fetch-dest", destination),
        *lines,
    ]


CROSS_SITE_POST = with_headers(("sec-fetch-site", "cross-site"), ("origin", "https://pay.example"))
SCRIPT = fetched("same-origin", "empty")
IMAGE = fetched("same-origin", "image", "no-cors")
#: What a browser says on plain http, and an old one everywhere.
UNMARKED: Headers = [("user-agent", FIREFOX), ("accept", "text/html,*/*;q=0.8")]
