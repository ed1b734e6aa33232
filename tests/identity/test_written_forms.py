"""Cookies as the web writes them: in quotes, percent-encoded, with commas, joined by a server."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.identity.asking import ANNA, DEVICE, KNOWN, SESSION, cookies, identify, make_site, respond, set_cookies, view

from footfall import Consent, Site
from footfall.consent import cookie, own_cookie
from footfall.identity.ids import encode_ruid, format_token, read_guid, read_ruid, read_token

OCTETS = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='",;\\')
TOKENS = st.text(OCTETS, min_size=1, max_size=40)
GUIDS = st.uuids().map(str) | st.uuids().map(lambda one: str(one).upper())
PERSONS = st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable())

#: What servers and scripts make of a value; a token's own form has its percent signs encoded.
FORMS: dict[str, Callable[[str], str]] = {
    "encoded, as the vendor's template and PHP do": lambda value: quote(value, safe=""),
    "encoded, as JavaScript does": lambda value: quote(value, safe="!'()*-._~"),
    "encoded in lower case": lambda value: quote(value, safe="").lower() if value.islower() else quote(value, safe=""),
    "encoded and in quotes": lambda value: f'"{quote(value, safe="")}"',
    "ours": format_token,
    "ours in quotes": lambda value: f'"{format_token(value)}"',
    "ours, before a cookie that a server joined": lambda value: f"{format_token(value)},other=1",
}
FORM = st.sampled_from(list(FORMS.values()))


@given(token=TOKENS, form=FORM)
def test_a_token_is_read_from_every_form(token: str, form: Callable[[str], str]) -> None:
    """R-35: opaque, case kept."""
    assert read_token(form(token)) == token


@given(token=TOKENS)
def test_what_is_written_of_a_token_encodes_its_percent_signs_alone(token: str) -> None:
    assert format_token(token).replace("%25", "%") == token


@given(guid=GUIDS, form=FORM)
def test_an_id_is_read_from_every_form(guid: str, form: Callable[[str], str]) -> None:
    assert read_guid(form(guid)) == guid


@given(person=PERSONS, form=FORM)
def test_a_person_in_base64_is_read_from_every_form(person: str, form: Callable[[str], str]) -> None:
    assert read_ruid(form(encode_ruid(person))) == person


@pytest.mark.parametrize(
    ("sent", "token"),
    [
        ("a%2Bb%2Fc%3D", "a+b/c="),
        ("a%252Bb", "a%2Bb"),  # once
        ("100%", "100%"),
        ("a%zz", "a%zz"),
        ("%22a%22", None),  # decoded, a quote is no token's
        ("a%20b", None),
        ("a%0d%0aSet-Cookie:b", None),
        ("a%C3%A9", None),
        ("a%3Bb", None),
        ('"a', None),
        ('""', None),
        ("%41" * 512, "A" * 512),
        ("%41" * 513, None),
        ("%41" * 100_000, None),
    ],
)
def test_a_token_is_decoded_once_and_then_judged(sent: str, token: str | None) -> None:
    assert read_token(sent) == token


@given(token=TOKENS)
def test_a_link_s_token_comes_back_as_it_was_captured(token: str) -> None:
    """R-33, R-35."""
    site = make_site()
    kept = cookies(site, view(f"https://www.shop.example/?reaid={quote(token, safe='')}"))["rsaReaId"]
    assert site.begin(view(cookie=f"{KNOWN}; rsaReaId={kept}")).reaid == token


def test_a_token_that_the_vendor_encoded_and_its_link_again_change_nothing() -> None:
    site, link = make_site(), "https://www.shop.example/?reaid=a%2Bb%2Fc%3D"
    headers = respond(site, view(link, cookie=f"{KNOWN}; rsaReaId=a%2Bb%2Fc%3D"), headers=[("Cache-Control", "public")])
    assert set_cookies(headers) == []  # it is the one that is there, so that a shared response stays one


def test_twins_in_two_forms_are_one_token() -> None:
    site = make_site()
    assert site.begin(view(cookie=f"{KNOWN}; rsaReaId=a%2Bb; rsaReaId=a+b")).reaid == "a+b"


@pytest.mark.parametrize(
    "form", ['rsa="{0}"; rsaSession="{1}"; rsaSessionOpen="1"', "rsa={0},x=1; rsaSession={1},y; z=1, rsaSessionOpen=1"]
)
def test_a_known_visitor_stays_known(form: str) -> None:
    sent = form.format(DEVICE, SESSION)
    kept = cookies(make_site(), view(cookie=sent))
    assert (kept["rsa"], kept["rsaSession"], kept["rsaSessionOpen"]) == (DEVICE, SESSION, "1")


def test_a_forgotten_device_stays_forgotten_in_quotes() -> None:
    site = make_site()
    mark = cookies(site, view(cookie=KNOWN), lambda tracking: tracking.forget())["rsaGone"]
    assert site.begin(view(cookie=f'{KNOWN}; rsaGone="{mark}"')).device_id != DEVICE


@pytest.mark.parametrize("ruid_cookie", ["sealed", "base64"])
def test_a_person_in_quotes_is_known_and_not_written_again(ruid_cookie: str) -> None:
    site = make_site(ruid_cookie=ruid_cookie)
    kept = cookies(site, view(cookie=KNOWN), identify)["rsaRuid"]
    again = view(cookie=f'{KNOWN}; rsaRuid="{kept}"')
    assert (site.begin(again).ruid, cookies(site, again).get("rsaRuid")) == (ANNA, None)


@pytest.mark.parametrize("value", ['"1.g.d.1764000000"', "1.g.d.1764000000,x=1", '"1.g.d.1764000000", x=1'])
def test_the_site_s_own_choice_is_read(value: str) -> None:
    request = view(cookie=f"footfallConsent={value}")
    request.time = 1764000001.0
    assert own_cookie().read(request) == (Consent.GRANTED, Consent.DENIED)


SEEN: list[str] = []


@pytest.fixture
def asked() -> Site:
    """A site whose reader notes what it is given."""
    SEEN.clear()

    def note(value: str) -> None:
        SEEN.append(value)

    return make_site(consent=cookie("choice", note))


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ("choice=consentid:1,consent:yes,ads:no", "consentid:1,consent:yes,ads:no"),
        ('choice={"a":["b", "c"]}; x=1', '{"a":["b", "c"]}'),
        ('choice="consentid:1,ads:no"', "consentid:1,ads:no"),
        ("choice=a,b,rsa=1", "a,b"),  # a server joined them
        ("x=1, choice=a,b , rsaSession=1; y=2", "a,b"),
        ("choice=a%2Cb", "a%2Cb"),
    ],
)
def test_a_reader_gets_a_value_up_to_the_semicolon(asked: Site, sent: str, given: str) -> None:
    """RFC 6265bis, 5.6."""
    assert asked.begin(view(cookie=sent)).consent is Consent.UNKNOWN
    assert [given] == SEEN


FOREIGN = st.text(st.characters(max_codepoint=255, exclude_characters=';"'), max_size=60).filter(
    lambda text: text == text.strip(" \t") and "rsa" not in text and "choice" not in text
)


@given(value=FOREIGN, before=FOREIGN, quoted=st.booleans(), comma=st.booleans())
def test_no_foreign_value_is_cut_and_none_hides_an_id(value: str, before: str, quoted: bool, comma: bool) -> None:
    seen: list[str] = []
    site = make_site(consent=cookie("choice", lambda one: seen.append(one) is None))  # type: ignore[func-returns-value]
    sent = f'"{value}"' if quoted else value
    request = view(cookie=f"x={before}; choice={sent}{',' if comma else '; '}{KNOWN}")
    assert (site.begin(request).device_id, seen) == (DEVICE, [value])
