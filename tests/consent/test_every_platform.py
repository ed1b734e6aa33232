"""Every consent platform's cookie: what it grants and denies, in every form, and nothing for rubbish."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.consent.platforms import PLATFORMS, Platform, cookie_information_of, didomi_of

from footfall.config import ConsentReader
from footfall.consent import (
    borlabs,
    complianz,
    consentmanager,
    cookie_information,
    cookie_names_of,
    cookiefirst,
    cookieyes,
    didomi,
)
from footfall.consent.reading import LONGEST_REMEMBERED, MOST_REMEMBERED, CookieReader
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView

Visit = Callable[..., RequestView]

U, G, D = Consent.UNKNOWN, Consent.GRANTED, Consent.DENIED
EVERY = pytest.mark.parametrize("platform", PLATFORMS.values(), ids=list(PLATFORMS))


@EVERY
def test_its_cookie_is_read(visit: Visit, platform: Platform) -> None:
    reader = platform.reader()
    said = [reader(visit(header)) for header in (platform.granted, platform.denied, platform.undecided)]
    assert said == [G, D, U]


@EVERY
def test_no_cookie_is_no_choice(visit: Visit, platform: Platform) -> None:
    assert platform.reader()(visit()) is U


@EVERY
def test_its_cookie_is_read_in_quotes(visit: Visit, platform: Platform) -> None:
    def quoted(header: str) -> str:
        pairs = (one.partition("=") for one in header.split("; "))
        return "; ".join(f'{name}="{value}"' for name, _, value in pairs)

    reader = platform.reader()
    assert [reader(visit(quoted(header))) for header in (platform.granted, platform.denied)] == [G, D]


@EVERY
def test_a_cookie_cut_anywhere_never_turns_a_no_into_a_yes(visit: Visit, platform: Platform) -> None:
    reader = platform.reader()
    cuts = range(len(platform.denied.partition("=")[0]) + 1, len(platform.denied))
    assert G not in {reader(visit(platform.denied[:cut])) for cut in cuts}


@EVERY
def test_twins_that_differ_are_unknown_in_any_order(visit: Visit, platform: Platform) -> None:
    reader = platform.reader()
    both = [platform.granted, platform.denied]
    assert {reader(visit("; ".join(order))) for order in (both, both[::-1])} == {U}


@EVERY
def test_it_says_which_cookies_it_reads(platform: Platform) -> None:
    reader = platform.reader()
    names = cookie_names_of(reader)
    sent = {one.partition("=")[0] for one in platform.granted.split("; ")}
    assert any(one == name or one.startswith(name[:-1]) for name in names for one in sent)


PIECES = st.sampled_from(
    [
        *"{}[]\"',:_=&%. é\x00",
        *("__", "%22", "%7B", "true", "false", "null", "yes", "no", "allow", "deny", "1", "52", "51", "marketing"),
        *("consents", "consents_approved", "consents_denied", "cookie_cat_marketing", "action:yes", "advertisement"),
        *("advertising", "purposes", "enabled", "targeted_ads"),
    ]
)
HOSTILE = (
    st.text(st.characters(max_codepoint=255), max_size=60)
    | st.lists(PIECES, max_size=20).map("".join)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["cookie_cat_marketing"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["consents_approved", "consents", "marketing", "purposes", "enabled", "advertising", "x"]
                ),
                inner,
                max_size=3,
            )
        ),
    ).map(json.dumps)
)


def in_base64(text: str) -> str:
    return b64encode(text.encode("latin-1", "replace")).decode()


@given(platform=st.sampled_from(list(PLATFORMS.values())), value=HOSTILE, form=st.sampled_from([str, quote, in_base64]))
def test_nothing_makes_it_raise(visit: Visit, platform: Platform, value: str, form: Callable[[str], str]) -> None:
    reader = platform.reader()
    name = cookie_names_of(reader)[0].rstrip("*")
    assert reader(visit(f"{name}={form(value)}")) in tuple(Consent)


@pytest.mark.parametrize("value", ["[" * 100_000, '{"consents":' * 50_000, "9" * 10_000, "%7B%22a%22:" * 20_000])
@EVERY
def test_what_is_nested_too_deep_is_unknown(visit: Visit, platform: Platform, value: str) -> None:
    reader = platform.reader()
    name = cookie_names_of(reader)[0].rstrip("*")
    assert reader(visit(f"{name}={value}")) is U
    assert reader(visit(f"{name}={b64encode(value.encode()).decode()}")) is U


CATEGORIES = [
    (cookie_information("functional"), cookie_information_of(["functional"], ["marketing"]), G),
    (cookie_information("marketing"), cookie_information_of(["functional"], ["marketing"]), D),
    (cookie_information("statistic"), cookie_information_of(["functional"], ["marketing"]), U),
    (cookie_information("marketing"), cookie_information_of(["marketing"], ["marketing"]), U),
    (cookie_information("marketing"), unquote(cookie_information_of(["marketing"], []).replace("%3B", "")), G),
    (cookie_information("marketing"), 'CookieInformationConsent={"consents_approved":"cookie_cat_marketing"}', U),
    (cookie_information("marketing"), "CookieInformationConsent=[]", U),
    # Recorded: every category is allowed although consent says no.
    (cookieyes("analytics"), "cookieyes-consent=consent:no,action:yes,necessary:yes,analytics:yes", G),
    (cookieyes("analytics"), "cookieyes-consent=consentid%3Ax%2Caction%3Ayes%2Canalytics%3Ano", D),
    (cookieyes("analytics"), "cookieyes-consent=action:yes,analytics:yes,analytics:no", U),
    (cookieyes("analytics"), "cookieyes-consent=action:no,analytics:yes", U),
    (cookieyes("analytics"), "cookieyes-consent=action:yes,analytics:maybe", U),
    (cookieyes("analytics"), "cookieyes-consent=action:yes", U),
    (complianz("statistics"), "cmplz_marketing=allow; cmplz_statistics=deny", D),
    (complianz("statistics"), "cmplz_marketing=allow", U),
    (complianz("marketing"), "cmplz_marketing=Allow", U),
    (borlabs("marketing", "raptor"), 'borlabs-cookie={"consents":{"essential":["a"],"marketing":["raptor","b"]}}', G),
    (borlabs("marketing", "raptor"), 'borlabs-cookie={"consents":{"essential":["a"],"marketing":["b"]}}', D),
    (borlabs("marketing"), 'borlabs-cookie={"consents":{"essential":["a"],"marketing":[]}}', D),
    (borlabs("marketing"), 'borlabs-cookie={"consents":{"marketing":"all"}}', U),
    (borlabs("marketing"), 'borlabs-cookie={"consents":{}}', U),
    (borlabs("marketing"), 'borlabs-cookie={"consents":{"a":["b"]},"consents":{"marketing":["b"]}}', U),
    (cookiefirst("advertising"), 'cookiefirst-consent={"advertising":1}', U),
    (cookiefirst("advertising"), 'cookiefirst-consent={"advertising":"true"}', U),
    (cookiefirst("functional"), 'cookiefirst-consent={"functional":true,"functional":false}', U),
    (didomi("ads", "c:us"), didomi_of(["ads"], [], vendors=["c:us"]), G),
    (didomi("ads", "c:us"), didomi_of(["ads"], [], vendors=["c:them"]), U),
    (didomi("ads"), didomi_of(["ads"], ["ads"]), U),
    (didomi("ads"), didomi_of(["ads"], []).rstrip("="), G),
    (didomi("ads"), didomi_of(["ads"], []).replace("=", "%3D").replace("%3D", "=", 1), G),
    (consentmanager(1), "__cmpcpc=__1__", G),
    (consentmanager(1), "__cmpcpcu10444=____", D),
    (consentmanager(1), "__cmpcpc=__11_21__", D),
    (consentmanager(1), "__cmpcpc=1", U),
    (consentmanager(1), "__cmpcpcx1=__1__; __cmpcpcx2=____", U),
    (consentmanager(1, cookie="__cmpcpcx1"), "__cmpcpcx1=__1__; __cmpcpcx2=____", G),
]


@pytest.mark.parametrize(("reader", "header", "expected"), CATEGORIES)
def test_each_category_by_itself(visit: Visit, reader: ConsentReader, header: str, expected: Consent) -> None:
    assert reader(visit(header)) is expected


def test_the_memory_of_answers_is_bounded(visit: Visit) -> None:
    asked: list[str] = []
    reader = CookieReader("count()", "c", lambda value: asked.append(value) or G)  # type: ignore[func-returns-value]
    for number in range(MOST_REMEMBERED + 10):
        reader(visit(f"c={number}"))
    assert len(reader._known) <= MOST_REMEMBERED
    for _ in range(2):
        reader(visit(f"c={'x' * LONGEST_REMEMBERED}"))
        reader(visit(f"c={'y' * (LONGEST_REMEMBERED + 1)}"))
    assert len(asked) == MOST_REMEMBERED + 10 + 1 + 2
    for number in range(2000):
        reader(visit(f"c={number:04000}"))
    assert sum(map(len, reader._known)) <= 4_000_000 + LONGEST_REMEMBERED


def test_an_answer_that_could_not_be_given_is_not_remembered(visit: Visit) -> None:
    def fail(value: str) -> Consent:
        raise LookupError

    reader = CookieReader("fail()", "c", fail)
    for _ in range(2):
        with pytest.raises(LookupError):
            reader(visit("c=1"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: cookie_information("statistics"),
            "cookie_information's category: is 'statistics'; write 'functional'",
        ),
        (lambda: cookieyes("marketing"), "cookieyes's category: is 'marketing'; write 'functional' or"),
        (lambda: complianz("ads"), "complianz's category: is 'ads'; write 'functional' or"),
        (lambda: borlabs(""), "borlabs's group: is ''; write its id, such as 'marketing'"),
        (lambda: borlabs("marketing", "a b"), "borlabs's service: is 'a b'; write its id, such as 'recommendations'"),
        (lambda: cookiefirst("marketing"), "cookiefirst's category: is 'marketing'; write 'performance' or"),
        (lambda: didomi("a b"), "didomi's purpose: is 'a b'; write its id, such as 'targeted_ads'"),
        (lambda: didomi("ads", "c:"), "didomi's vendor: is 'c:'; write an id, such as 'c:recommender'"),
        (lambda: consentmanager("1"), "consentmanager's purpose: is '1'; write its number, such as 51"),  # type: ignore[arg-type]
        (lambda: consentmanager(1, cookie="a b"), "consentmanager's cookie: is 'a b'; write"),
        (lambda: consentmanager(1, cookie="*"), "consentmanager's cookie: is '*'; write"),
    ],
)
def test_a_wrong_argument_is_refused_at_start_up(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("reader", "line"),
    [
        (cookie_information("marketing"), "cookie_information('marketing')"),
        (borlabs("marketing", "raptor"), "borlabs('marketing', 'raptor')"),
        (didomi("ads", "c:us"), "didomi('ads', 'c:us')"),
        (consentmanager(1), "consentmanager(1)"),
    ],
)
def test_a_reader_is_shown_as_the_line_that_makes_it(reader: ConsentReader, line: str) -> None:
    assert repr(reader) == line
