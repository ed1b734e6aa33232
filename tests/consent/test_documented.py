"""The page of consent platforms: each row's line, and each recipe, on cookies as the platforms write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.browsers.standins import CATEGORIES
from tests.consent.platforms import PLATFORMS

import footfall.consent
from footfall import Config
from footfall.consent import read_consent
from footfall.request import Consent, RequestView

Visit = Callable[..., RequestView]

U, G, D = Consent.UNKNOWN, Consent.GRANTED, Consent.DENIED
PAGE = (Path(__file__).parents[2] / "docs" / "consent.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| (\w[^|]+) \| `consent=([^`]+)` \|", PAGE, re.MULTILINE))
BRIDGE, RECIPES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(TAG,) = re.findall(r"```html\n(.*?)```", PAGE, re.DOTALL)
TAGS = dict(re.findall(r"^\| (?!platform)(\w[^|]+) \| [^|]+ \| `([^`]+)`, `[^`]+`[^|]*\|$", PAGE, re.MULTILINE))


def test_each_platform_has_its_row() -> None:
    tested = {name.rstrip(" 23") for name in PLATFORMS}
    assert {re.split(r" [0-9]", name)[0] for name in ROWS} == tested


@pytest.mark.parametrize("platform", PLATFORMS)
def test_its_line_reads_its_cookie(visit: Visit, platform: str) -> None:
    (line,) = [line for name, line in ROWS.items() if name.startswith(platform.rstrip(" 23"))]
    config, one = Config(consent=eval(line, vars(footfall.consent))), PLATFORMS[platform]
    said = [
        read_consent(config.consent, visit(header), honour_gpc=True)[1]
        for header in (one.granted, one.denied, one.undecided)
    ]
    assert said == [D if platform == "TCF" else G, D, U]  # its documented example lacks purposes 5 and 6


def test_the_bridge_s_site_has_a_bridge(capsys: pytest.CaptureFixture[str]) -> None:
    exec(BRIDGE.replace("Config(", "Config(ruid_cookie='off',"), {})
    assert re.fullmatch(r"/consent/bridge\.[0-9a-f]{12}\.js\n", capsys.readouterr().out)


def test_the_bridge_s_tag_says_what_its_script_reads() -> None:
    script = (Path(footfall.consent.__file__).parent / "bridge.js").read_text(encoding="utf-8")
    (names,) = re.findall(r"const page = document, \{ (.*?) \} = ", script)
    assert set(re.findall(r"data-(\w+)=", TAG)) == {"device", "person"} < set(re.findall(r"\w+", names))


@pytest.mark.parametrize(("platform", "device"), TAGS.items())
def test_a_platform_s_categories_are_those_that_its_stand_in_has(platform: str, device: str) -> None:
    tried = {name: categories[0] for name, categories in CATEGORIES.items()}
    assert tried[platform.partition(",")[0].lower()] == device


def encoded(text: str) -> str:
    return quote(text, safe="!'()*-._~")


CASES = [
    ("AXEPTIO", "axeptio_cookies=" + encoded('{"$$token":"t","$$completed":true,"recommender":true}'), G),
    ("AXEPTIO", "axeptio_cookies=" + encoded('{"$$token":"t","$$completed":true,"recommender":false}'), D),
    ("AXEPTIO", "axeptio_cookies=" + encoded('{"$$token":"t","$$completed":false}'), U),
    (
        "COOKIE_CONTROL",
        'CookieControl={"optionalCookies":{"marketing":"accepted","x":"revoked"},"interactedWith":true}',
        G,
    ),
    ("COOKIE_CONTROL", 'CookieControl={"optionalCookies":{"marketing":"revoked"},"interactedWith":true}', D),
    ("COOKIE_CONTROL", 'CookieControl={"optionalCookies":{},"interactedWith":false}', U),
    (
        "COOKIE_SCRIPT",
        'CookieScriptConsent={"bannershown":1,"action":"accept","categories":"[\\"targeting\\",\\"x\\"]"}',
        G,
    ),
    ("COOKIE_SCRIPT", 'CookieScriptConsent={"bannershown":1,"action":"reject","categories":"[]"}', D),
    ("COMMANDERS_ACT", "TC_PRIVACY=0@044@2@1764000000000", G),
    ("COMMANDERS_ACT", "TC_PRIVACY=1@044@2@1764000000000", D),
    ("COMMANDERS_ACT", "TC_PRIVACY=rubbish", U),
    ("DJANGO_COOKIE_CONSENT", "cookie_consent=optional=-1|social=2013-06-04T03:17:01.421395", G),
    ("DJANGO_COOKIE_CONSENT", "cookie_consent=optional=-1|social=-1", D),
    ("IUBENDA", "_iub_cs-12345678=" + encoded('{"timestamp":"t","purposes":{"1":true,"5":true},"id":1}'), G),
    ("IUBENDA", "_iub_cs-12345678=" + encoded('{"timestamp":"t","purposes":{"1":true,"5":false},"id":1}'), D),
    ("IUBENDA", "_iub_cs-s12345678=" + encoded('{"timestamp":"t","id":1}'), U),
    ("ORESTBIDA", 'cc_cookie={"categories":["necessary","marketing"],"revision":0}', G),
    ("ORESTBIDA", "cc_cookie=" + encoded('{"categories":["necessary"],"revision":0}'), D),
    ("CONSENTMANAGER_VENDOR", "__cmpcvcx8604=__s23_c24_U__", G),
    ("CONSENTMANAGER_VENDOR", "__cmpcvcx8604=__s23_c245_U__", D),
]


@pytest.fixture(scope="module")
def recipes() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(RECIPES, names)
    return names


@pytest.mark.parametrize(("recipe", "header", "expected"), CASES)
def test_a_recipe_reads_its_platform(
    visit: Visit, recipes: dict[str, Any], recipe: str, header: str, expected: Consent
) -> None:
    assert recipes[recipe](visit(header)) is expected


def test_every_recipe_is_tried(recipes: dict[str, Any]) -> None:
    assert {name for name in recipes if name.isupper()} == {recipe for recipe, _, _ in CASES}
