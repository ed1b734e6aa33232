"""What a tracker takes without a word and hardly anybody means is remarked on, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists, sampled_from, text, tuples

from footfall.localtracker import assess
from footfall.localtracker.watch import Watch

ANNA = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
BERT = "7d444840-9dc0-11d1-b245-5ffdce74fad3"
FIRST = "E7B3A1C2-0F4D-4E5A-9B8C-1D2E3F4A5B6C"
SECOND = "E7B3A1C2-0F4D-4E5A-9B8C-1D2E3F4A5B6D"
CLICK = f"/api/00000/click/{ANNA}/1/1"
LOGIN = f"/api/00000/login/{ANNA}/johndoe"
BUY = "/api/00000/buy/johndoe/1/1?fullprice=1.00EUR&quantity=1"


def visit(device: str = ANNA, session: str = FIRST, more: str = "") -> str:
    return f"/12345.rsa?p1=visit&p2=1{more}&coid={device}&sid={session}"


def buy(session: str = FIRST, more: str = "&p21=O-1") -> str:
    return f"/12345.rsa?p1=buy&p2=1{more}&coid={ANNA}&sid={session}"


def remarks(*arrivals: tuple[float, str], replayed: bool = False) -> list[str]:
    """Return the fields that are remarked on at the last of some requests."""
    watch = Watch(replayed=replayed)
    found = [watch.notice(at, assess("GET", target)) for at, target in arrivals]
    return [problem.field for problem in found[-1]]


@pytest.mark.parametrize(
    ("fields", "arrivals"),
    [
        ([], [(0, visit()), (1, visit())]),
        (["sid"], [(0, visit()), (1, visit(session=SECOND))]),
        (["sid"], [(0, visit()), (1_199, visit(session=SECOND))]),
        ([], [(0, visit()), (1_200, visit(session=SECOND))]),
        ([], [(0, visit()), (1, visit(BERT, SECOND))]),
        (["coid"], [(0, visit()), (1, visit(BERT))]),
        ([], [(5, visit()), (1, visit(session=SECOND))]),
    ],
)
def test_a_session_that_changes_in_the_middle_of_a_visit_is_remarked_on(
    fields: list[str], arrivals: list[tuple[float, str]]
) -> None:
    """R-23, R-24."""
    assert remarks(*arrivals) == fields


@pytest.mark.parametrize(
    ("fields", "targets"),
    [
        (["userid"], [LOGIN, CLICK]),
        ([], [LOGIN, "/api/00000/click/johndoe/1/1"]),
        ([], [LOGIN, "/api/00000/click/johndoe/1/1", CLICK]),
        ([], [LOGIN, "/api/00000/click/somebody/1/1"]),
        (["userid"], [LOGIN, CLICK, CLICK]),
        ([], ["/api/00000/login/not_defined/johndoe", "/api/00000/click/not_defined/1/1"]),
        ([], [f"/api/00000/login/{ANNA}/{ANNA}", CLICK]),
        (["userid"], [f"/ebl/00000/transfer/{ANNA}/johndoe", CLICK]),
    ],
)
def test_a_login_whose_account_is_not_used_is_remarked_on(fields: list[str], targets: list[str]) -> None:
    """Y-05 to Y-07."""
    assert remarks(*((float(at), target) for at, target in enumerate(targets))) == fields


@pytest.mark.parametrize(
    ("fields", "arrivals"),
    [
        (["buy"], [(0, BUY), (1, BUY)]),
        ([], [(0, BUY), (1_800, BUY)]),
        ([], [(0, BUY), (1, BUY.replace("1/1", "1/2"))]),
        (["buy"], [(0, buy()), (1, buy(more="&p21=O-1&url=%2Freload"))]),
        (["buy"], [(0, buy()), (1, buy(more="&p21=O-1&utm_source=mail&v=2"))]),
        ([], [(0, buy()), (1, buy(more="&p21=O-2"))]),
        (["sid", "buy"], [(0, buy()), (1, buy(session=SECOND))]),
        ([], [(0, CLICK), (1, CLICK)]),
    ],
)
def test_the_same_purchase_twice_is_remarked_on(fields: list[str], arrivals: list[tuple[float, str]]) -> None:
    assert remarks(*arrivals) == fields


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        (["userid"], "/api/00000/click/anna%40shop.example/1/1"),
        (["targetuserid"], "/api/00000/login/u/anna%40shop.example"),
        ([], "/api/00000/click/anna%40shop/1/1"),
        (["p7"], visit(more="&p7=anna%40shop.example")),
        (["reaid"], visit(more="&reaid=anna%40shop.example")),
        ([], visit(more="&ruid=YW5uYUBzaG9wLmRr")),
        ([], "/12345.stream?p1=buy&ruid=anna%40shop.dk"),
        ([], "/api/00000/click/a%2Fb%40x.dk%20%C3%A9/1/1"),
        (["p12"], visit(more="&p12=19%2C99")),
        ([], visit(more="&p10=3298%2C12")),
        (["p13"], buy(more="&p13=0")),
        ([], buy(more="&p13=10")),
        ([], visit(more="&p13=0")),
    ],
)
def test_a_value_that_is_hardly_meant_is_remarked_on(fields: list[str], target: str) -> None:
    """Y-09, R-30, Y-37."""
    assert remarks((0.0, target)) == fields


@pytest.mark.parametrize("targets", [(visit(), visit(session=SECOND)), (BUY, BUY)])
def test_visits_that_are_replayed_are_not_held_to_the_time_they_take(targets: tuple[str, str]) -> None:
    assert remarks((0.0, targets[0]), (1.0, targets[1]), replayed=True) == []


def test_a_refused_request_teaches_nothing() -> None:
    refused = "/api/00000/buy/johndoe/1/1?fullprice=1,00EUR&quantity=1"
    assert remarks((0.0, refused), (1.0, refused)) == []


def test_a_remark_names_what_to_do_and_quotes_no_visitor() -> None:
    watch = Watch()
    watch.notice(0.0, assess("GET", LOGIN))
    [remark] = watch.notice(61.0, assess("GET", CLICK))
    assert str(remark) == (
        "userid: is the anonymous id that logged in 61 seconds earlier, and the account's id is not used;"
        " send the account's id with every event from the login to the logout (Tracking API, 'User Identifier')"
    )


TARGETS = [visit(), visit(session=SECOND), visit(BERT), LOGIN, CLICK, BUY, buy(), "/nowhere"]


@given(arrivals=lists(tuples(floats(0, 10_000), sampled_from(TARGETS) | text())))
def test_no_sequence_makes_it_raise_or_refuse(arrivals: list[tuple[float, str]]) -> None:
    watch = Watch()
    assert not any(problem.fatal for at, target in arrivals for problem in watch.notice(at, assess("GET", target)))
