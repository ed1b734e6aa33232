"""`footfall preview`: the URLs that would be sent, to the last byte, and what their parts mean."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.identity.asking import DEVICE, KNOWN, SESSION, view

from footfall import Config, Site
from footfall.cli import main
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.events import Click
from footfall.trackers import Raptor, Yoochoose

SITE = """
from footfall import Config, Site
from footfall.trackers import Raptor, Yoochoose

shop = Site(Config(ruid_cookie="off", anonymous_user="nobody"), [Raptor("12345"), Yoochoose("00000")])
"""
GUID = "00000000-0000-4000-8000-00000000000"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "previewed_shop.py").write_text(SITE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "previewed_shop", raising=False)
    return "previewed_shop:shop"


def preview(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["preview", *arguments])
    written = capsys.readouterr()
    return status, written.out + written.err


def urls(text: str) -> list[str]:
    return [line.removeprefix("GET ") for line in text.splitlines() if line.startswith("GET ")]


def test_every_tracker_of_a_site_shows_its_url(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, written = preview(capsys, shop, "click", "3298", "--category-path", "/Shoes/Children")
    assert urls(written) == [
        (
            "https://t.raptorsmartadvisor.com/12345.rsa?p1=visit&p2=3298&p4=Shoes%23Shoes%3BChildren%23Children"
            f"&coid={GUID}1&sid={GUID}2"
        ),
        f"https://event.yoochoose.net/api/00000/click/{GUID}1/1/3298?categorypath=%2FShoes%2FChildren",
    ]


def test_the_urls_are_those_that_a_view_would_send(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, written = preview(capsys, shop, "click", "1", "--device", DEVICE, "--session", SESSION)
    config = Config(consent=always_granted, ruid_cookie="off")
    site = Site(config, [Raptor("12345"), Yoochoose("00000")], delivery=Delivery("memory:"))
    previewed = site.begin(view(cookie=KNOWN)).preview(Click("1"))
    assert urls(written) == [request.url for request in previewed]


def test_each_part_is_shown_with_its_meaning_and_its_source(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, written = preview(capsys, shop, "click", "3298", "--category-path", "Shoes", "--tracker", "yoochoose")
    rows = [[cell.strip() for cell in line.split("│")] for line in written.splitlines() if "│" in line]
    assert ["itemid", "3298"] in [row[:2] for row in rows]
    assert ["categorypath", "/Shoes", "where the item stands in the", "Tracking API, categorypath"] in rows


def test_one_tracker_of_a_site_may_be_chosen(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, written = preview(capsys, shop, "click", "1", "--tracker", "raptor")
    assert len(urls(written)) == 1


def test_without_a_device_the_sites_anonymous_user_is_shown(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Y-04: and Raptor, which takes nobody without ids, says so."""
    status, written = preview(capsys, shop, "click", "1", "--device", "")
    assert (status, urls(written)) == (1, ["https://event.yoochoose.net/api/00000/click/nobody/1/1"])


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (["click", "9", "--item-type", "3"], "click/u/3/9"),
        (["consume", "9", "--percentage", "0"], "consume/u/1/9?percentage=0"),
        (["basket", "9", "--content", "9", "--content", "10"], "basket/u/1/9"),
        (["buy", "9", "--quantity", "4", "--price", "2.5EUR"], "buy/u/1/9?fullprice=2.50EUR&quantity=4"),
        (["buy", "9", "--price", "none"], "buy/u/1/9?quantity=1"),
        (["rate", "9", "--rating", "80"], "rate/u/1/9?rating=80"),
        (["blacklist", "9"], "blacklist/u/1/9"),
        (["click-recommended", "9", "--scenario", "a b"], "clickrecommended/u/1/9?scenario=a%20b"),
        (["click_recommended", "9", "--scenario", "a"], "clickrecommended/u/1/9?scenario=a"),
        (["rendered", "9", "10"], "rendered/u/1/9,10"),
        (["login", "john doe"], "login/u/john%20doe"),
        (["click", "9", "--user", "johndoe"], "click/johndoe/1/9"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_is_described_in_words(arguments: list[str], url: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, written = preview(capsys, *arguments, "--tracker", "yoochoose", "--device", "u")
    assert urls(written) == [f"https://event.yoochoose.net/api/00000/{url}"]


def test_raptors_own_events_are_described_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--tracker", "raptor", "--customer-id", "7", "--field", "brand_id=Asics", "--ruid", "anna@shop.dk"]
    _, written = preview(capsys, "custom", "search", *options)
    assert urls(written) == [
        f"https://t.raptorsmartadvisor.com/7.rsa?p1=search&p8=Asics&coid={GUID}1&ruid=YW5uYUBzaG9wLmRr&sid={GUID}2"
    ]


def test_a_link_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Y-48."""
    link = "//event.yoochoose.net/rendered/u/1/9?modelId=37"
    _, written = preview(capsys, "recommendation-link", link, "--tracker", "yoochoose")
    assert urls(written) == [f"https:{link}"]


def test_a_kind_that_a_tracker_lacks_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(capsys, "rate", "9", "--rating", "1", "--tracker", "raptor") == (
        0,
        "raptor makes no request of it\n",
    )


def test_what_a_tracker_refuses_is_shown_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    status, written = preview(capsys, "click", "letters", "--tracker", "yoochoose")
    assert (status, written.startswith("yoochoose refuses it: item: an id of 7 characters is not a number")) == (
        1,
        True,
    )


def test_a_tracker_that_explains_nothing_shows_its_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2] / "examples")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_tracker", raising=False)
    _, written = preview(capsys, "own_tracker:site", "click", "3298")
    assert written.splitlines() == [
        "webhook: click",
        "POST http://127.0.0.1:9000/events",
        "Content-Type: application/json",
        f'{{"event": "click", "device": "{GUID}1", "item": "3298"}}',
        "",
    ]


def test_nothing_is_written_to_disk(shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preview(capsys, shop, "click", "1")
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".py" and path.name != "__pycache__"] == []


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (["click", "1"], "tracker: is missing"),
        (["clack", "1", "--tracker", "raptor"], "event: 'clack' is unknown"),
        (["click", "--tracker", "raptor"], "item: is missing; a click needs it"),
        (["click", "1", "2", "--tracker", "raptor"], "event: '2' is one word too many"),
        (["page-view", "1", "--tracker", "raptor"], "event: '1' is one word too many"),
        (["click", "1", "--rating", "1", "--tracker", "raptor"], "rating: a click has none"),
        (["login", "x", "--item-type", "1", "--tracker", "yoochoose"], "item-type: a login has no item"),
        (["rate", "1", "--tracker", "yoochoose"], "rating: is missing; a rate needs it"),
        (["rate", "1", "--rating", "101", "--tracker", "yoochoose"], "rating: "),
        (["buy", "1", "--tracker", "raptor"], "price: is missing; a buy needs it"),
        (["buy", "1", "--price", "19,99EUR", "--tracker", "raptor"], "price: '19,99EUR' is no amount"),
        (["click", "1", "--field", "brand", "--tracker", "raptor"], "field: 'brand' has no value"),
        (["previewed_shop:shop"], "event: '' is unknown"),
        (["previewed_shop:shop", "click", "1", "--tracker", "other"], "tracker: the site has none named 'other'"),
        (["nowhere:shop", "click", "1"], "site: there is no module 'nowhere'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_previewed_is_one_line_and_status_2(
    arguments: list[str], finding: str, shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, written = preview(capsys, *arguments)
    assert (status, written.count("\n"), finding in written) == (2, 1, True)


def test_help_names_every_event(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["preview", "--help"])
    assert (ended.value.code, "remove-from-basket" in capsys.readouterr().out) == (0, True)
