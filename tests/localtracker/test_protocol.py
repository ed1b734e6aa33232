"""What is right and wrong by the two documents, told by the pure part alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import characters, lists, sampled_from, text

from footfall.localtracker import Assessment, Rules, assess, format_answer

IDS = "coid=7d444840-9dc0-11d1-b245-5ffdce74fad2&sid=E7B3A1C2-0F4D-4E5A-9B8C-1D2E3F4A5B6C"
VISIT = f"/12345.rsa?p1=visit&p2=3298&{IDS}"


def fields(assessment: Assessment) -> list[str]:
    return [problem.field for problem in assessment.problems if problem.fatal]


# Tracking API, "Examples of translating user actions into tracking events", in its order.
# Traps T-17, T-18, T-21: item 452 beside text 466, the wrong user in the last, two URLs on one line.
YOOCHOOSE_EXAMPLES = [
    ("click", "/api/00000/click/Js79009234YU7/1/123?categorypath=%2FShoes%2FChildren"),
    ("rendered", "/api/00000/rendered/Js79009234YU7/1/128,129,155"),
    ("clickrecommended", "/api/00000/clickrecommended/Js79009234YU7/1/155?scenario=also_bought"),
    ("consume", "/api/00000/consume/Js79009234YU7/3/452"),
    ("consume", "/api/00000/consume/Js79009234YU7/3/466?percentage=60"),
    ("basket", "/api/00000/basket/Js79009234YU7/1/128"),
    ("basket", "/api/00000/basket/Js79009234YU7/1/129"),
    ("login", "/api/00000/login/Js79009234YU7/johndoe"),
    ("buy", "/api/00000/buy/johndoe/1/128?quantity=1&fullprice=19.99EUR"),
    ("buy", "/api/00000/buy/johndoe/1/129?quantity=2&fullprice=4.44EUR"),
    ("rate", "/api/00000/rate/johndoe/1/133?rating=5"),
    # "Buy Event", "Rate Event", "Blacklist Event", "Click Event"
    ("buy", "/api/00000/buy/johndoe/1/129?fullprice=2.50EUR&quantity=4"),
    ("buy", "/api/00000/buy/johndoe/1/129?fullprice=456JPY&quantity=1"),
    ("rate", "/api/00000/rate/johndoe/1/133?rating=50"),
    ("blacklist", "/api/00000/blacklist/johndoe/1/9"),
    ("click", "/api/00000/click/u/1/1?categorypath=%2FCameras%26Foto%2FCompact%20Cameras%2FCanon"),
    # The links of its recommendation response, without /api and customer id (T-15)
    ("clickrecommended", "/clickrecommended/johndoe/1/100175717?scenario=also_clicked&modelId=37"),
    ("rendered", "/rendered/johndoe/1/100175717"),
    # A larger value than any, and the smallest that are values at all
    ("click", "/api/00000/click/u/5/2147483647"),
    ("consume", "/api/00000/consume/u/1/1?percentage=0"),
    ("rate", "/api/00000/rate/u/1/1?rating=100"),
    ("buy", "/api/00000/buy/u/1/1?fullprice=0.00EUR&quantity=2147483647"),
    ("click", "/api/00000/click/a%2Fb%40x.dk%20%C3%A9/1/1"),
]


@pytest.mark.parametrize(("kind", "target"), YOOCHOOSE_EXAMPLES)
def test_what_the_tracking_api_shows_is_taken_without_a_remark(kind: str, target: str) -> None:
    """Y-31 to Y-54."""
    assessment = assess("GET", target)
    assert (assessment.tracker, assessment.kind, assessment.status, assessment.problems) == ("yoochoose", kind, 204, ())


@pytest.mark.parametrize(
    "query",
    [
        f"p1=itemclick&p2=12345&p999=x&{IDS}&ruid=YW5uYUBzaG9wLmRr&am=GetSimilarItems",
        f"p1=visit&p2=12345&p999=x&{IDS}&ruid=c8O4cmVuLsO4QHNob3AuZGs%3D",
        f"p1=visit&{IDS}&ruid=YW5uYUBzaG9wLmRr&reaid=abc",
        f"p1=visit&{IDS}&xuid=abc",
        f"p1=basket&p7=johndoe&{IDS}",
    ],
)
def test_what_server_side_tracking_shows_is_taken_without_a_remark(query: str) -> None:
    """R-03, R-06 to R-13, R-31: also GUIDs in capitals that are not version 4; brackets are notation (T-29)."""
    assessment = assess("GET", f"/12345.rsa?{query}")
    assert (assessment.tracker, assessment.status, assessment.problems) == ("raptor", 200, ())


YOOCHOOSE_MISTAKES = [
    (400, "itemtypeid", "/api/00000/click/u/0/1"),
    (400, "itemtypeid", "/api/00000/click/u/6/1"),
    (400, "itemtypeid", "/api/00000/click/u/x/1"),
    (400, "itemid", "/api/00000/click/u/1/0"),
    (400, "itemid", "/api/00000/click/u/1/-1"),
    (400, "itemid", "/api/00000/click/u/1/2147483648"),
    (400, "itemid", "/api/00000/click/u/1/shoe"),
    (400, "itemid", "/api/00000/click/u/1/%D9%A1"),
    (400, "itemid", "/api/00000/click/u/1/1,2"),
    (400, "userid", "/api/00000/click//1/1"),
    (400, "userid", "/api/00000/click/../1/1"),
    (400, "userid", "/api/00000/click/%2E/1/1"),
    (400, "userid", "/api/00000/click/a%5Cb/1/1"),
    (400, "userid", "/api/00000/click/100%/1/1"),
    (400, "userid", "/api/00000/click/%E9/1/1"),
    (400, "userid", "/api/00000/click/{u}/1/1"),
    (400, "path", "/api/00000/click/u/1"),
    (400, "path", "/api/00000/click/u/1/1/"),
    (400, "path", "/api/00000/click/a/b/1/1"),
    (400, "path", "/api/00000/login/u"),
    (400, "targetuserid", "/api/00000/login/u/"),
    (400, "sourceuserid", "/api/00000/login/a%5cb/johndoe"),
    (400, "customerid", "/api/0-0/click/u/1/1"),
    (400, "categorypath", "/api/00000/click/u/1/1?categorypath=%5CShoes"),
    (400, "categorypath", "/api/00000/click/u/1/1?categorypath=a&categorypath=b"),
    (400, "percentage", "/api/00000/consume/u/1/1?percentage=101"),
    (400, "percentage", "/api/00000/consume/u/1/1?percentage=-1"),
    (400, "percentage", "/api/00000/consume/u/1/1?percentage=12.5"),
    (400, "percentage", "/api/00000/consume/u/1/1?percentage="),
    (400, "quantity", "/api/00000/buy/u/1/1?fullprice=1EUR&quantity=0"),
    (400, "quantity", "/api/00000/buy/u/1/1?fullprice=1EUR&quantity=1.5"),
    (400, "quantity", "/api/00000/buy/u/1/1?fullprice=1EUR"),
    (400, "fullprice", "/api/00000/buy/u/1/1?quantity=1"),
    (400, "fullprice", "/api/00000/buy/u/1/1?fullprice=2,50EUR&quantity=1"),
    (400, "fullprice", "/api/00000/buy/u/1/1?fullprice=2.50%20EUR&quantity=1"),
    (400, "fullprice", "/api/00000/buy/u/1/1?fullprice=2.5E1EUR&quantity=1"),
    (400, "fullprice", "/api/00000/buy/u/1/1?fullprice=-2.50EUR&quantity=1"),
    (400, "fullprice", "/api/00000/buy/u/1/1?fullprice=2.50eur&quantity=1"),
    (400, "fullprice", "/api/00000/buy/u/1/1?fullprice=2.50&quantity=1"),
    (400, "price", "/api/00000/buy/u/1/1?quantity=1&price=2,25"),
    (400, "price", "/api/00000/buy/u/1/1?quantity=1&price=2.25"),
    (400, "currency", "/api/00000/buy/u/1/1?quantity=1&price=225&currency=Euro"),
    (400, "rating", "/api/00000/rate/u/1/1"),
    (400, "rating", "/api/00000/rate/u/1/1?rating=101"),
    (400, "rating", "/api/00000/rate/u/1/1?rating=4.5"),
    (400, "categorypath", "/api/00000/blacklist/u/1/9?categorypath=Shoes"),
    (400, "scenario", "/api/00000/clickrecommended/u/1/155"),
    (400, "scenario", "/api/00000/clickrecommended/u/1/155?scenario="),
    (400, "scenario", "/clickrecommended/u/1/155"),
    (400, "itemid", "/api/00000/rendered/u/1/128%2C129"),
    (400, "itemid", "/api/00000/rendered/u/1/128,,129"),
    (400, "itemid", "/api/00000/rendered/u/1/"),
    (404, "event", "/api/00000/Click/u/1/1"),
    (404, "event", "/api/00000/look/u/1/1"),
    (404, "event", "/api/00000"),
    (404, "path", "/ebl/00000/click/u/1/1"),
    (404, "path", "/"),
    (414, "URL", "/api/00000/rendered/u/1/" + ",".join(["2147483647"] * 1000)),
]


@pytest.mark.parametrize(("status", "field", "target"), YOOCHOOSE_MISTAKES)
def test_a_mistake_by_the_tracking_api_is_answered_and_named(status: int, field: str, target: str) -> None:
    """Y-11 to Y-19, Y-27, Y-33 to Y-37, Y-45, Y-47, Y-50, Y-53, Y-61, Y-64; T-12, T-16."""
    assessment = assess("GET", target)
    assert (assessment.status, fields(assessment)) == (status, [field])


RAPTOR_MISTAKES = [
    (400, "coid", "/12345.rsa?p1=visit&sid=7d444840-9dc0-11d1-b245-5ffdce74fad2"),
    (400, "sid", "/12345.rsa?p1=visit&coid=7d444840-9dc0-11d1-b245-5ffdce74fad2"),
    (400, "coid", "/12345.rsa?p1=visit&coid=1234&sid=7d444840-9dc0-11d1-b245-5ffdce74fad2"),
    (400, "coid", "/12345.rsa?p1=visit&coid=7d4448409dc011d1b2455ffdce74fad2&sid=7d444840-9dc0-11d1-b245-5ffdce74fad2"),
    (400, "coid", f"{VISIT}&coid=7d444840-9dc0-11d1-b245-5ffdce74fad2"),
    (400, "p0", f"{VISIT}&p0=x"),
    (400, "p1000", f"{VISIT}&p1000=x"),
    (400, "p02", f"{VISIT}&p02=x"),
    (400, "ruid", f"{VISIT}&ruid="),
    (400, "ruid", f"{VISIT}&ruid=anna%40shop.dk"),
    (400, "ruid", f"{VISIT}&ruid=YW5uYUBzaG9wLmRrIQ"),
    (400, "ruid", f"{VISIT}&ruid=8J-RjQ%3D%3D"),
    (400, "ruid", f"{VISIT}&ruid=%2F%2F8%3D"),
    (400, "xuid", f"{VISIT}&xuid=a&reaid=b"),
    (400, "xuid", f"{VISIT}&xuid=a&ruid=YW5u"),
    (400, "reaid", f"{VISIT}&reaid="),
    (400, "am", f"/12345.rsa?p1=itemclick&{IDS}"),
    (400, "am", f"/12345.rsa?p1=itemclick&{IDS}&am="),
    (400, "am", f"/12345.rsa?p1=itemclick&{IDS}&am=[GetSimilarItems]"),
    (400, "p3", f"{VISIT}&p3=100%"),
    (400, "p3", f"{VISIT}&p3=%E9"),
    (400, "customerid", f"/.rsa?p1=visit&{IDS}"),
    (400, "customerid", f"/1%2F2.rsa?p1=visit&{IDS}"),
    (414, "URL", f"{VISIT}&p3={'x' * 9000}"),
]


@pytest.mark.parametrize(("status", "field", "target"), RAPTOR_MISTAKES)
def test_a_mistake_by_server_side_tracking_is_answered_and_named(status: int, field: str, target: str) -> None:
    """R-03, R-06 to R-09, R-13, R-39; T-29, T-30."""
    assessment = assess("GET", target)
    assert (assessment.status, fields(assessment)) == (status, [field])


@pytest.mark.parametrize(
    ("field", "target"),
    [
        ("p3", f"{VISIT}&p3=two+words"),
        ("ruid", f"{VISIT}&ruid=YW5uYUBzaG9wLmRrIQ=="),
        ("shoe", f"{VISIT}&shoe=1"),
        ("am", f"{VISIT}&am=GetSimilarItems"),
        ("p1", f"/12345.rsa?p2=1&{IDS}"),
        ("p1", f"/12345.rsa?p1=ItemClick&{IDS}&am=x"),
        ("categorypath", "/api/00000/click/u/1/1?categorypath=two+words"),
        ("categoryPath", "/api/00000/click/u/1/1?categoryPath=Shoes"),
        ("price", "/api/00000/buy/u/1/1?price=225&quantity=1"),
        ("targetuserid", "/api/00000/login/u/u"),
        ("event", "/ebl/00000/transfer/u/johndoe"),
    ],
)
def test_what_hardly_anybody_means_is_taken_with_a_remark(field: str, target: str) -> None:
    assessment = assess("GET", target)
    assert (assessment.status, [problem.field for problem in assessment.problems]) == (200, [field])


def test_an_offline_event_needs_no_cookies_and_has_its_person_in_clear() -> None:
    target = "/12345.stream?p1=buy&p2=3298&p21=o-1&ruid=anna%40shop.dk&source=webhook"
    assert (assess("GET", target).status, assess("GET", target).problems) == (200, ())


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("POST", "/api/00000/click/u/1/1", 204),
        ("PUT", "/api/00000/click/u/1/1", 405),
        ("HEAD", "/rendered/u/1/1", 405),
        ("POST", VISIT, 405),
    ],
)
def test_raptor_takes_get_and_yoochoose_post_too(method: str, target: str, status: int) -> None:
    """R-01, Y-10."""
    assert assess(method, target).status == status


@pytest.mark.parametrize(
    ("rules", "target"),
    [
        (Rules(max_item_type=2_147_483_647), "/api/00000/click/u/2147483647/1"),
        (Rules(text_item_ids=True), "/api/00000/click/u/1/shoe%20red"),
        (Rules(text_item_ids=True), "/api/00000/rendered/u/1/shoe,boot"),
        (Rules(buy_optional=True), "/api/00000/buy/u/1/1"),
        (Rules(customers=frozenset({"00000"})), "/api/00000/click/u/1/1"),
        (Rules(max_target=20_000), "/api/00000/rendered/u/1/" + ",".join(["2147483647"] * 1000)),
    ],
)
def test_what_a_contract_allows_is_taken(rules: Rules, target: str) -> None:
    """Y-16, Y-18; T-13, T-20, T-26."""
    assert assess("GET", target, rules).status == 204


@pytest.mark.parametrize(
    "target",
    [
        "/api/00000/deletefrombasket/u/1/128",
        "/api/00000/triggeropened/u?triggername=welcome",
        "/api/00000/clicktriggered/u/1/128?triggername=welcome",
        "/api/00000/click/u/2147483647/1",
        "/api/00000/buy/u/1/1",
        "/ebl/00000/click/u/1/1",
    ],
)
def test_what_ibexa_adds_is_taken_on_request_alone(target: str) -> None:
    """T-13, T-20, T-27."""
    assert [assess("GET", target, rules).accepted for rules in (Rules(ibexa=True), Rules())] == [True, False]


@pytest.mark.parametrize("item", ["a,b", "..", "a%5Cb", ""])
def test_an_item_id_of_text_is_still_one_clean_segment(item: str) -> None:
    """Y-18."""
    assert assess("GET", f"/api/00000/click/u/1/{item}", Rules(text_item_ids=True)).status == 400


def test_parameters_are_decoded_once_and_in_order() -> None:
    assessment = assess("GET", "/api/00000/click/a%252Fb%2Fc/1/2?categorypath=%2FCameras%26Foto")
    assert assessment.params == (
        ("customerid", "00000"),
        ("userid", "a%2Fb/c"),
        ("itemtypeid", "1"),
        ("itemid", "2"),
        ("categorypath", "/Cameras&Foto"),
    )


def test_a_person_finds_finding_mend_and_source_in_the_answer() -> None:
    """Y-66: for a person, in words."""
    assert format_answer(assess("GET", "/api/00000/rate/u/1/1?rating=101")) == (
        "400 Bad Request\n\n"
        "wrong: rating: is not as it must be; write a whole number of 0 to 100 (Tracking API, 'Rate Event')\n"
    )


@pytest.mark.parametrize(
    "target",
    [
        "/api/00000/click/anna%5C%40shop.dk/1/1",
        f"{VISIT}&ruid=anna%40shop.dk",
        f"{VISIT}&coid=anna%40shop.dk",
        f"{VISIT}&anna@shop.dk",
        "/api/00000/login/anna%40shop.dk/anna%40shop.dk",
    ],
)
def test_no_answer_repeats_a_visitor(target: str) -> None:
    answer = format_answer(assess("GET", target))
    assert answer
    assert "anna" not in answer


def test_no_assessment_shows_its_visitor() -> None:
    assert "johndoe" not in repr(assess("GET", "/api/00000/click/johndoe/1/1"))


HEADS = [
    "",
    "/",
    "/12345.rsa?",
    "/12345.stream?",
    "/api/00000/click/",
    "/api/00000/rendered/u/1/",
    "/rendered/",
    "/api/",
]
PIECES = [
    "%",
    "%2F",
    "%5C",
    "%00",
    "%FF",
    "+",
    "=",
    "&",
    ",",
    "/",
    "?",
    "..",
    "p1=",
    "coid=",
    "ruid=",
    "rating=",
    "é",
    "\n",
]


@given(method=sampled_from(["GET", "POST", "PUT", ""]), target=text(characters(codec="latin-1"), max_size=200))
def test_no_request_makes_it_raise_or_fail(method: str, target: str) -> None:
    assessment = assess(method, target)
    assert assessment.status < 500
    assert (assessment.status >= 300) == any(problem.fatal for problem in assessment.problems)


@given(head=sampled_from(HEADS), rest=lists(sampled_from(PIECES) | text(max_size=5), max_size=12))
def test_no_request_that_begins_well_makes_it_raise_or_fail(head: str, rest: list[str]) -> None:
    assessment = assess("GET", head + "".join(rest))
    assert assessment.status < 500
    assert (assessment.status >= 300) == any(problem.fatal for problem in assessment.problems)


@given(user=text(min_size=1, max_size=30).filter(lambda user: user not in (".", "..") and "\\" not in user))
def test_every_user_id_comes_out_as_it_went_in(user: str) -> None:
    """Y-08, Y-11."""
    from urllib.parse import quote

    assessment = assess("GET", f"/api/00000/click/{quote(user, safe='')}/1/1")
    assert (assessment.status, assessment.visitor) == (204, user)
