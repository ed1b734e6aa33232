"""The bridge's script: answered beside the consent endpoint, behind every door, under a name of its own."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
from tests.doors.exchange import FIREFOX, Headers, Reply, Request, make_site
from tests.doors.rows import KNOWN, NOW
from tests.privacy.shops import SHOPS

from footfall import Site, Tracking
from footfall.config import ConsentReader
from footfall.consent import cookiebot, first_of, own_cookie

HOST = "https://www.shop.example"
READER = first_of(cookiebot("marketing"), own_cookie())
SCRIPT: Headers = [
    ("user-agent", FIREFOX),
    ("accept", "*/*"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-dest", "script"),
]
PAGE: Headers = [("user-agent", FIREFOX), ("accept", "text/html"), ("sec-fetch-dest", "document")]


def bridged(consent: ConsentReader = READER, endpoint: str = "/consent", **config: Any) -> Site:
    return make_site(consent=consent, site={"consent_endpoint": endpoint}, **config)


def never(tracking: Tracking) -> None:
    raise AssertionError("the application was asked")


def script_of(site: Site) -> str:
    assert site.policy.bridge is not None
    return site.policy.bridge.script.decode()


@pytest.mark.parametrize("headers", [SCRIPT, PAGE])
@pytest.mark.parametrize("shop", SHOPS)
def test_it_is_answered_the_same_for_everybody_and_may_be_kept(shop: str, headers: Headers) -> None:
    site = bridged()
    said = [
        SHOPS[shop](site, Request(url=f"{HOST}{site.consent_bridge}", headers=headers, cookies=cookies), never, Reply())
        for cookies in ((), (f"{KNOWN}; footfallConsent=1.g.g.{NOW}",), (f"{KNOWN}; footfallConsent=1.d.d.{NOW}",))
    ]
    for response in said:
        assert (response.status, response.body.decode()) == (200, script_of(site))
        assert response.all("content-type") == ["text/javascript; charset=utf-8"]
        assert response.all("content-length") == [str(len(response.body))]
        assert response.all("cache-control") == ["public, max-age=31536000, immutable"]
        assert response.all("set-cookie") == []


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 405), ("OPTIONS", 405)])
@pytest.mark.parametrize("shop", SHOPS)
def test_it_has_no_body_where_none_was_asked_for(shop: str, method: str, status: int) -> None:
    site = bridged()
    request = Request(method=method, url=f"{HOST}{site.consent_bridge}", headers=SCRIPT)
    response = SHOPS[shop](site, request, never, Reply())
    assert (response.status, response.body) == (status, b"")


def test_it_is_under_a_kilobyte_compressed() -> None:
    site = bridged(endpoint="/a/longer/path/to/consent", honour_gpc=False)
    assert len(gzip.compress(script_of(site).encode(), 9)) < 1000


def test_its_name_tells_one_script_from_another() -> None:
    sites = [
        bridged(),
        bridged(endpoint="/other"),
        bridged(consent=own_cookie("choice")),
        bridged(consent=own_cookie(version=2)),
        bridged(honour_gpc="unless-consented"),
    ]
    digests = {(site.consent_bridge or "").rpartition("/")[2] for site in sites}
    assert len(digests) == len(sites)
    assert bridged().consent_bridge == sites[0].consent_bridge
    assert all(re.fullmatch(r"bridge\.[0-9a-f]{12}\.js", name) for name in digests)


FOLDERS = {"/consent": "/consent", "/": "", "/a/b/": "/a/b", "/zustimmung/für": "/zustimmung/f%C3%BCr"}


@pytest.mark.parametrize(("endpoint", "folder"), FOLDERS.items())
def test_it_lies_beside_the_endpoint(endpoint: str, folder: str) -> None:
    site = bridged(endpoint=endpoint)
    assert (site.consent_bridge or "").rpartition("/")[0] == folder
    response = SHOPS["wsgi"](site, Request(url=f"{HOST}{site.consent_bridge}", headers=SCRIPT), never, Reply())
    assert response.status == 200


def test_where_nothing_would_keep_a_choice_there_is_none() -> None:
    assert bridged(consent=cookiebot("marketing")).consent_bridge is None
    assert make_site(consent=own_cookie()).consent_bridge is None


def test_a_name_with_quotes_cannot_break_out_of_it() -> None:
    site = bridged(consent=own_cookie("a'b`c"), endpoint='/"+alert(1)+"')
    last = script_of(site).rstrip().rpartition("\n")[2]
    assert last == '})("/%22+alert(1)+%22", "a\'b`c=1.", true);'
