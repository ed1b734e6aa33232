"""Whatever a visitor sends: nothing raises, nothing unchecked comes back. By atheris, which follows branches.

    python -m pip install atheris && python -m tests.fuzz.readers -runs=100000

The arguments are libFuzzer's; ``--seeds FOLDER`` begins with what browsers send, as no folder at all does. One input in
eight goes through a whole site, the others to one reader alone: of cookies, of the query, of a consent platform, of the
host, of the headers that tell what a request is.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import atheris

with atheris.instrument_imports(include=["footfall"], enable_loader_override=False):
    from tests.consent.platforms import PLATFORMS
    from tests.identity.asking import KNOWN
    from tests.identity.test_anything import check

    from footfall import Config, Consent, CookieNames, Site
    from footfall.consent import cookie_names_of, first_of, has_gpc, own_cookie
    from footfall.events import Click
    from footfall.identity import classify_request
    from footfall.identity.domain import cookie_scope, parse_host, registrable_domain
    from footfall.identity.ids import format_token, query_token, read_guid, read_ruid, read_token
    from footfall.identity.landing import landing_redirect
    from footfall.identity.recognize import Names, recognize
    from footfall.request import RARE, USUAL, CookieFinder, RequestView, find_cookies
    from footfall.tracking.answers import answer_consent

__all__ = ["judge"]

NOW: Final = 1_764_000_000.0
KEY: Final = "a key of thirty-two letters, say"
NAMES: Final = CookieNames()
READERS: Final = [(one.reader(), one.granted, one.denied) for one in PLATFORMS.values()]
FINDER: Final = CookieFinder([*NAMES.by_role().values(), "footfallConsent", "__cmpcpc*", "CookieConsent"])
SITES: Final = [
    Site(Config(secret_keys=(KEY,), **settings), now=lambda: NOW, send=False, strict=False, consent_endpoint="/consent")
    for settings in (
        {"consent": first_of(READERS[1][0], own_cookie()), "honour_gpc": "unless-consented"},
        {"consent": {"device": READERS[2][0], "person": first_of(READERS[2][0], own_cookie())}},
        {"ruid_cookie": "base64", "strip_query_ids": True, "cookie_domain": "shop.example", "trusted_proxies": 1},
        {"person_ids": "xuid", "former_cookie_names": CookieNames(device="coid", session="sid")},
    )
]
OURS: Final = Names(NAMES)
FORMER: Final = Names(CookieNames(device="coid"))
OWN: Final = own_cookie()
HEARD: Final[list[str]] = []


class Ear(logging.Handler):
    """Keeps what is logged of one input."""

    def emit(self, record: logging.LogRecord) -> None:
        HEARD.append(record.getMessage())


def judge_cookies(text: str, _: int) -> None:
    found = FINDER(text)
    assert found == FINDER.find_anywhere(text)
    recognize(found, OURS, FORMER, ends_with_browser=True)
    for value in [text, *find_cookies(text, "rsa"), *find_cookies(text, "rsa*")]:
        token = read_token(value)
        assert token is None or read_token(format_token(token)) == token
        guid = read_guid(value)
        assert guid is None or (len(guid) == 36 and guid in value)
        read_ruid(value)


def judge_query(text: str, _: int) -> None:
    token = query_token(text, "reaid")
    assert token is None or (token.isascii() and token.isprintable() and len(token) <= 512)
    target = landing_redirect(text, text, ("reaid", "xuid"))
    assert target is None or (target.startswith("/") and not target.startswith(("//", "/\\")))


def judge_consent(text: str, which: int) -> None:
    reader, granted, _ = READERS[which % len(READERS)]
    sample = granted.partition("=")[2]
    at = len(text) % (len(sample) + 1)
    value = (text, sample[:at] + text + sample[at:], f'"{text}"')[which % 3]
    assert reader(view_of({"cookie": f"{cookie_names_of(reader)[0].rstrip('*')}={value}"})) in tuple(Consent)
    assert set(OWN.read(view_of({"cookie": f"footfallConsent={text}"}))) <= set(Consent)


def judge_host(text: str, _: int) -> None:
    host = parse_host(text)
    assert all(letter in "abcdefghijklmnopqrstuvwxyz0123456789.-_" for letter in host)
    domain = registrable_domain(host)
    assert domain is None or host == domain or host.endswith("." + domain)
    for configured in ("auto", "shop.example", None):
        scope = cookie_scope(text, configured)
        assert scope.domain is None or scope.domain in (domain, configured)


def judge_headers(text: str, which: int) -> None:
    parts = text.split("\n")
    headers = {name: part for name, part in zip((*USUAL, *RARE), parts, strict=False) if part}
    method = ("GET", "POST", "OPTIONS", "HEAD")[which % 4]
    assert classify_request(view_of(headers, method=method, host=parts[-1])).reason
    has_gpc(view_of({"sec-gpc": text}))


def view_of(headers: dict[str, str], *, method: str = "GET", host: str = "www.shop.example") -> RequestView:
    request = RequestView(method=method, scheme="https", host=host, path="/", query="", header=headers.get, time=NOW)
    request.finder = None
    return request


PAGE: Final = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    "accept": "text/html",
    "sec-fetch-dest": "document",
}


def judge_site(text: str, which: int) -> None:
    """Serve a whole request of five parts, and look at all that is said of it."""
    cookie, query, host, header, value, *_ = [*text.split("\n"), "", "", "", "", ""]
    headers = {**PAGE, "cookie": cookie, **({header: value} if header else {})}
    request = RequestView(
        method="POST" if which & 4 else "GET",
        scheme="https",
        host=host or "www.shop.example",
        path="/consent" if which & 8 else "/",
        query=query,
        header=headers.get,
    )
    HEARD.clear()
    tracking = SITES[which % len(SITES)].begin(request)
    answer = tracking.answer()
    tracking.emit(Click("1"))
    tracking.identify(f"{value}@shop.example")
    edit = tracking.finish(200 if answer is None else answer.status, [])
    lines = [] if edit is None else [line for name, line in edit.add if name == "Set-Cookie"]
    scopes = [check(line, request.host) for line in lines]
    assert len(set(scopes)) == len(scopes)
    said = " ".join([*HEARD, repr(tracking), repr(request), repr(answer)])
    assert not any(part in said for part in (cookie, query, host, value) if len(part) > 12)
    answer_consent(Deaf(), request)


class Deaf:
    """Takes a choice, and does nothing about it."""

    def grant(self, *, person: bool = True) -> None: ...

    def deny(self) -> None: ...

    def capture(self, query: str) -> None: ...


JUDGES: Final[Sequence[Callable[[str, int], None]]] = [
    judge_site,
    judge_cookies,
    judge_query,
    judge_consent,
    judge_host,
    judge_headers,
    judge_cookies,
    judge_query,
]


def judge(data: bytes) -> None:
    """Take one input: two bytes say whose it is, the rest is text as WSGI and ASGI have it."""
    if data:
        JUDGES[data[0] % len(JUDGES)](data[2:].decode("latin-1"), data[1] if len(data) > 1 else 0)


def seeds() -> list[bytes]:
    """What browsers send, to begin with."""
    texts = [f"{KNOWN}; {granted}\nreaid=a%2Bb\nwww.shop.example:443" for _, granted, _ in READERS]
    texts += [f"{KNOWN}; footfallConsent=1.g.g.1764000000.gpc\nxuid=X\nshop.example\nsec-gpc\n1", KNOWN, "reaid=X&a=b"]
    return [
        bytes([judge, number]) + text.encode("latin-1")
        for judge in range(len(JUDGES))
        for number, text in enumerate(texts)
    ]


def main(argv: list[str]) -> None:
    """Run, with a corpus of what browsers send if none is named."""
    logger = logging.getLogger("footfall")
    logger.addHandler(Ear())
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    if "--seeds" in argv or not any(not one.startswith("-") for one in argv[1:]):
        argv = [one for one in argv if one != "--seeds"]
        corpus = Path("build") if argv[-1].startswith("-") or len(argv) == 1 else Path(argv.pop())
        corpus /= "fuzz"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (corpus / f"seed{number}").write_bytes(seed)
        argv = [*argv, str(corpus)]
    setup: Any = atheris.Setup
    setup(argv, judge)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
