"""A tracker that is configured wrongly says so at start-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from footfall.errors import ConfigError
from footfall.trackers import Raptor, Tracker, Yoochoose

BOTH = [Raptor, Yoochoose, Yoochoose.ibexa]
DEFAULT = Raptor.DEFAULT_PARAMETERS


@pytest.mark.parametrize("build", BOTH)
@pytest.mark.parametrize("customer_id", ["", "12-34", "12/34", "..", "12 34", "\u0661", "1\n", 12345, None])
def test_a_customer_id_is_letters_and_digits(build: Callable[..., Tracker], customer_id: Any) -> None:
    """R-02, Y-14."""
    with pytest.raises(ConfigError, match=r"^customer_id: "):
        build(customer_id)


@pytest.mark.parametrize("build", BOTH)
@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "tracker.example",
        "//tracker.example",
        "ftp://tracker.example",
        "https://tracker.example/path",
        "https://tracker.example?query",
        "https://tracker.example#fragment",
        "https://anna:secret@tracker.example",
        "https://tracker.example:0",
        "https://tracker.example:65536",
        "https://tracker.example:",
        "https://bücher.example",
        "https://tracker.example\r\nHost: x",
        "https://tracker.example\n",
        "https:// tracker.example",
        None,
    ],
)
def test_a_base_url_is_scheme_host_and_port(build: Callable[..., Tracker], base_url: Any) -> None:
    with pytest.raises(ConfigError, match=r"^base_url: (?!.*secret)"):
        build("12345", base_url=base_url)


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:8100", "https://[::1]:8443", "https://tracker.example/", "http://local_tracker:1"]
)
def test_a_base_url_may_be(base_url: str) -> None:
    Raptor("12345", base_url=base_url)


@pytest.mark.parametrize("build", BOTH)
@pytest.mark.parametrize("name", ["", "my tracker", "x" * 65, None, "a\n"])
def test_a_name_is_short_and_plain(build: Callable[..., Tracker], name: Any) -> None:
    with pytest.raises(ConfigError, match=r"^name: "):
        build("12345", name=name)


@pytest.mark.parametrize("build", BOTH)
@pytest.mark.parametrize("length", [0, 100, "2000", 10**9, True])
def test_a_url_length_is_within_reason(build: Callable[..., Tracker], length: Any) -> None:
    with pytest.raises(ConfigError, match=r"^max_url_length: "):
        build("12345", max_url_length=length)


@pytest.mark.parametrize(
    "parameters",
    [
        {**DEFAULT, "color": 0},
        {**DEFAULT, "color": 1000},
        {**DEFAULT, "color": -1},
        {**DEFAULT, "color": True},
        {**DEFAULT, "color": 31.0},
        {**DEFAULT, "color": "p0"},
        {**DEFAULT, "color": "p01"},
        {**DEFAULT, "color": "p1000"},
        {**DEFAULT, "color": "px"},
        {**DEFAULT, "color": "31"},
        {**DEFAULT, "color": 8},
        {**DEFAULT, "color": "p8"},
        {**DEFAULT, "the color": 31},
        {**DEFAULT, "": 31},
        {31: "color"},
        {**DEFAULT, "p31": 31},
        {**DEFAULT, "coid": 31},
        {**DEFAULT, "am": 31},
        {"event_type": 1},
        {"product_id": 2},
        {"no_such_parameter": 2},
        {"event_type": 1, "product_id": 2, "brandid": 8},
        {"event_type": 1, "product_id": 2, "category": 4, "catgory_path": 5},
        {},
        ["p1"],
    ],
    ids=str,
)
def test_a_parameter_map_is_refused(parameters: Any) -> None:
    """R-03, R-04."""
    with pytest.raises(ConfigError, match=r"^parameters: "):
        Raptor("12345", parameters=parameters)


@pytest.mark.parametrize("position", [999, "p999", 9, "p9"])
def test_a_parameter_may_stand_anywhere_from_p1_to_p999(position: int | str) -> None:
    """R-03."""
    Raptor("12345", parameters={**DEFAULT, "color": position})


def test_the_default_parameters_are_the_documented_ones() -> None:
    """R-05, R-12, T-07 and the vendor's reference."""
    assert dict(DEFAULT) == {
        "event_type": 1,
        "product_id": 2,
        "product_name": 3,
        "category_path": 4,
        "subtotal": 5,
        "currency": 6,
        "user_id": 7,
        "brand_id": 8,
        "basket_content": 10,
        "price": 12,
        "quantity": 13,
        "stock_status": 15,
        "master_id": 18,
        "order_id": 21,
    }


@pytest.mark.parametrize(
    "build",
    [
        lambda: Yoochoose("1", max_item_type=0),
        lambda: Yoochoose("1", max_item_type=2**31),
        lambda: Yoochoose("1", max_item_type="5"),  # type: ignore[arg-type]
        lambda: Yoochoose("1", licence_key=""),
        lambda: Yoochoose("1", licence_key="schlüssel"),
        lambda: Yoochoose("1", replace_in_categories="/"),
        lambda: Yoochoose("1", replace_in_categories="\\"),
        lambda: Raptor("1", replace_in_categories=","),
        lambda: Raptor("1", basket_separator=""),
        lambda: Raptor("1", offline_source=""),
    ],
)
def test_an_option_is_refused(build: Callable[[], Tracker]) -> None:
    """Y-16, T-13, T-24."""
    with pytest.raises(ConfigError, match=r"^[a-z_]+: "):
        build()


@pytest.mark.parametrize("tracker", [Raptor("12345"), Yoochoose("12345", licence_key="secret")])
def test_a_tracker_is_a_tracker_and_keeps_its_secret(tracker: Tracker) -> None:
    assert (isinstance(tracker, Tracker), "secret" in repr(tracker)) == (True, False)


def test_the_customer_may_be_given_by_name() -> None:
    assert [Raptor(customer_id="1").name, Yoochoose(customer_id="1").name] == ["raptor", "yoochoose"]
