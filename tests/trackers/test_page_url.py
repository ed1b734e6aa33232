"""Where it happened, as a site tells a tracker that asks for it: the page's own address and its campaign."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from tests.identity.asking import KNOWN, PAGE, SCRIPT, view

from footfall import Config, Site
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.events import Click
from footfall.request import RequestView
from footfall.testing import recording
from footfall.trackers import Raptor

SHIRT = "https://www.shop.example/shirt"


def told(request: RequestView) -> dict[str, list[str]]:
    config = Config(consent=always_granted, ruid_cookie="off")
    site = Site(config, [Raptor("12345", page_url=True)], delivery=Delivery("memory:"))
    with recording(site) as recorder:
        site.begin(request).emit(Click("1"))
    parameters = parse_qs(urlsplit(recorder.requests[0].url).query)
    return {name: value for name, value in parameters.items() if name == "url" or name.startswith("utm_")}


def test_a_page_is_told_with_its_campaign_and_without_its_persons() -> None:
    """As the vendor's template tells it: ``url``, and ``utm_*`` of its query."""
    address = f"{SHIRT}?utm_source=news+letter&reaid=secret&size=m&utm_term=caf%C3%A9"
    assert told(view(address, cookie=KNOWN)) == {
        "url": [f"{SHIRT}?utm_source=news+letter&size=m&utm_term=caf%C3%A9"],
        "utm_source": ["news letter"],
        "utm_term": ["café"],
    }


def test_a_path_is_told_as_the_browser_asked_for_it() -> None:
    assert told(view("https://www.shop.example/s%C3%B8g/a%2Fb", cookie=KNOWN))["url"] == [
        "https://www.shop.example/s%C3%B8g/a%2Fb"
    ]


def test_a_script_call_is_told_by_the_page_that_made_it() -> None:
    """The template: 'page location or Referer'."""
    headers = {**SCRIPT, "referer": f"{SHIRT}?utm_source=mail"}
    request = view("https://www.shop.example/api/track", method="POST", headers=headers, cookie=KNOWN)
    assert told(request) == {"url": [f"{SHIRT}?utm_source=mail"], "utm_source": ["mail"]}


@pytest.mark.parametrize("referer", ["https://evil.example/", "https://www.shop.example.evil.example/", "", "//"])
def test_a_page_of_another_site_is_not_told(referer: str) -> None:
    headers = {**SCRIPT, "referer": referer}
    request = view("https://www.shop.example/api/track", method="POST", headers=headers, cookie=KNOWN)
    assert told(request) == {}


def test_where_a_visitor_came_from_is_not_told_for_a_page() -> None:
    headers = {**PAGE, "referer": "https://www.shop.example/other"}
    assert told(view(SHIRT, headers=headers, cookie=KNOWN)) == {"url": [SHIRT]}


def test_a_page_of_no_host_is_not_told() -> None:
    assert told(view(SHIRT, host="", cookie=KNOWN)) == {}
