"""A wrong setting is refused at start-up, in words that say which, what was found, and what to write."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.hiding import hide

import footfall
from footfall import Config, Consent, CookieNames, Site
from footfall.config import PLACEHOLDER
from footfall.consent import OwnCookie, all_of, always_granted, any_of, cookie, cookiebot, onetrust, own_cookie, tcf
from footfall.delivery import Delivery
from footfall.errors import ConfigError
from footfall.identity.seal import Opened
from footfall.testing import numbered_ids

KEY = "a key of thirty-two letters, say"

# The setting, then what the message names: field, finding, remedy.
WRONG: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    # Where cookies live (R-40, T-09)
    ({"cookie_domain": ".shop.example"}, ("cookie_domain", "dot", "'shop.example'")),
    ({"cookie_domain": "https://shop.example"}, ("cookie_domain", "'https://shop.example'", "domain alone")),
    ({"cookie_domain": "shop.example:8443"}, ("cookie_domain", "'shop.example:8443'", "domain alone")),
    ({"cookie_domain": "shop.example/shop"}, ("cookie_domain", "'shop.example/shop'", "domain alone")),
    ({"cookie_domain": "SHOP.Example"}, ("cookie_domain", "upper-case", "'shop.example'")),
    ({"cookie_domain": "münchen.de"}, ("cookie_domain", "not ASCII", "xn--")),
    ({"cookie_domain": "localhost"}, ("cookie_domain", "'localhost'", "None")),
    ({"cookie_domain": ""}, ("cookie_domain", "''", "None")),
    ({"cookie_domain": "shop..example"}, ("cookie_domain", "'shop..example'", "'shop.example'")),
    ({"cookie_domain": "shop.example."}, ("cookie_domain", "'shop.example.'", "'shop.example'")),
    ({"cookie_domain": "shop.example;path=/"}, ("cookie_domain", "shop.example;path=/", "domain alone")),
    ({"cookie_domain": "shop.example\r\nX: y"}, ("cookie_domain", "shop.example", "'shop.example'")),
    ({"cookie_domain": "127.0.0.1"}, ("cookie_domain", "IP address", "None")),
    ({"cookie_domain": 7}, ("cookie_domain", "7", "'auto'")),
    ({"former_cookie_domain": ".shop.example"}, ("former_cookie_domain", "dot", "'shop.example'")),
    ({"former_cookie_domain": "auto"}, ("former_cookie_domain", "'auto'", "None")),
    # How they are called (D-09)
    ({"cookie_names": "rsa"}, ("cookie_names", "'rsa'", "CookieNames(...)")),
    ({"former_cookie_names": "rsa"}, ("former_cookie_names", "'rsa'", "CookieNames(...)")),
    (
        {"former_cookie_names": CookieNames(device="rsaSession", session="x")},
        ("former_cookie_names", "'rsaSession'", "another name"),
    ),
    (
        {"former_cookie_names": CookieNames(session="x", ruid="rsaSessionOpen")},
        ("former_cookie_names", "'rsaSessionOpen'", "another name"),
    ),
    (
        {"secure": False, "cookie_names": CookieNames(device="__Secure-rsa")},
        ("secure", "False", "secure='auto'"),
    ),
    # What a name asks for by its prefix, in any letter case
    ({"cookie_names": CookieNames(session="__Host-s")}, ("cookie_names.session", "'__Host-s'", "cookie_domain=None")),
    (
        {"cookie_names": CookieNames(xuid="__host-http-x"), "cookie_domain": "shop.example"},
        ("cookie_domain: is 'shop.example'", "cookie_names.xuid is '__host-http-x'", "cookie_domain=None"),
    ),
    (
        {"cookie_names": CookieNames(device="__Http-d"), "script_access": True},
        ("script_access: is True", "cookie_names.device is '__Http-d'", "__Secure-"),
    ),
    (
        {"cookie_names": CookieNames(ruid="__Http-r"), "secure": False},
        ("secure: is False", "cookie_names.ruid is '__Http-r'", "secure='auto'"),
    ),
    # How they are set (D-10)
    ({"secure": "yes"}, ("secure", "'yes'", "'auto' or True or False")),
    ({"secure": 1}, ("secure", "1", "True")),
    ({"script_access": "no"}, ("script_access", "'no'", "True or False")),
    ({"session_ends_with_browser": None}, ("session_ends_with_browser", "None", "True or False")),
    # How long they live (R-21, R-23, Y-03, T-34)
    ({"device_lifetime": timedelta(days=401)}, ("device_lifetime", "401 days", "timedelta(days=400)")),
    ({"device_lifetime": timedelta(days=400, seconds=1)}, ("device_lifetime", "0:00:01", "timedelta(days=400)")),
    ({"device_lifetime": timedelta(days=89)}, ("device_lifetime", "89 days", "90 days")),
    ({"device_lifetime": timedelta(days=-1)}, ("device_lifetime", "-1 day", "90 days")),
    ({"device_lifetime": 31536000}, ("device_lifetime", "31536000", "timedelta(...)")),
    ({"device_lifetime": timedelta(days=365, microseconds=1)}, ("device_lifetime", "000001", "no microseconds")),
    ({"session_idle": timedelta(0)}, ("session_idle", "0:00:00", "0:00:01 or more")),
    ({"session_idle": timedelta(days=500)}, ("session_idle", "500 days", "timedelta(days=400)")),
    ({"session_idle": 1200}, ("session_idle", "1200", "timedelta(...)")),
    # Persons (R-39, T-03, T-08)
    ({"person_ids": "both"}, ("person_ids", "'both'", "can not be used together")),
    ({"person_ids": "reaid"}, ("person_ids", "'reaid'", "'ruid+reaid' or 'xuid'")),
    ({"person_ids": "xuid", "ruid_cookie": "base64"}, ("person_ids", "'base64'", "drop ruid_cookie")),
    ({"ruid_cookie": "clear"}, ("ruid_cookie", "'clear'", "'sealed' or 'base64' or 'off'")),
    ({"secret_keys": KEY}, ("secret_keys", "not a tuple", "('newest key', 'older key')")),
    ({"secret_keys": (KEY, "short")}, ("secret_keys[1]", "5 characters", "token_urlsafe")),
    ({"secret_keys": (b"x" * 32,)}, ("secret_keys[0]", "bytes", "token_urlsafe")),
    # Consent (D-05)
    ({"consent": "always"}, ("consent", "'always'", "own_cookie()")),
    ({"consent": {"device": own_cookie()}}, ("consent", "mapping", "'device' and 'person'")),
    ({"consent": {"device": own_cookie(), "person": 1}}, ("consent", "mapping", "'device' and 'person'")),
    ({"honour_gpc": 1}, ("honour_gpc", "1", "True or False or 'unless-consented'")),
    # The rest (T-10, T-36, T-37, D-06)
    ({"anonymous_user": ""}, ("anonymous_user", "''", "'not_defined'")),
    ({"anonymous_user": ".."}, ("anonymous_user", "'..'", "'not_defined'")),
    ({"anonymous_user": "a\\b"}, ("anonymous_user", "a\\\\b", "without a backslash")),
    ({"anonymous_user": "a\r\nb"}, ("anonymous_user", "a\\r\\nb", "printable")),
    ({"anonymous_user": None}, ("anonymous_user", "None", "'not_defined'")),
    ({"anonymous_user": "x" * 513}, ("anonymous_user", "xxx", "1 to 512")),
    ({"public_responses": "drop"}, ("public_responses", "'drop'", "'skip' or 'private'")),
    ({"unconfirmed_events": "drop"}, ("unconfirmed_events", "'drop'", "'send' or 'anonymous' or 'refuse'")),
    ({"ignore_bots": 0}, ("ignore_bots", "0", "True or False")),
    ({"trusted_proxies": True}, ("trusted_proxies", "True", "0 to 10")),
    ({"trusted_proxies": -1}, ("trusted_proxies", "-1", "0 to 10")),
    ({"strip_query_ids": "yes"}, ("strip_query_ids", "'yes'", "True or False")),
    ({"classify": "mine"}, ("classify", "'mine'", "function of a RequestView")),
    ({"anonymous_id": "YCID"}, ("anonymous_id", "'YCID'", "function of a RequestView")),
]


@pytest.mark.parametrize(("settings", "words"), WRONG, ids=[ascii(settings)[:60] for settings, _ in WRONG])
def test_a_wrong_setting_is_named_with_what_was_found_and_what_to_write(
    settings: dict[str, Any], words: tuple[str, str, str]
) -> None:
    with pytest.raises(ConfigError) as raised:
        Config(**settings)
    assert [word for word in words if word not in str(raised.value)] == []


NAMES: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({"device": ""}, ("cookie_names.device", "''", "1 to 64 letters")),
    ({"device": "a b"}, ("cookie_names.device", "'a b'", "1 to 64 letters")),
    ({"device": "a=b"}, ("cookie_names.device", "'a=b'", "1 to 64 letters")),
    ({"device": "a;b"}, ("cookie_names.device", "'a;b'", "1 to 64 letters")),
    ({"device": "a\r\nb"}, ("cookie_names.device", "a\\r\\nb", "1 to 64 letters")),
    ({"device": "é"}, ("cookie_names.device", "'é'", "1 to 64 letters")),
    ({"device": "x" * 65}, ("cookie_names.device", "xxx", "1 to 64 letters")),
    ({"device": None}, ("cookie_names.device", "None", "1 to 64 letters")),
    ({"ruid": "rsa"}, ("cookie_names.ruid", "'rsa'", "name of its own")),
    ({"reaid": "rsaSessionOpen"}, ("cookie_names.reaid", "companion", "name of its own")),
    ({"reaid": "rsaGone"}, ("cookie_names.reaid", "forgotten mark", "name of its own")),
]


@pytest.mark.parametrize(("names", "words"), NAMES, ids=[ascii(names)[:60] for names, _ in NAMES])
def test_a_wrong_cookie_name_is_refused(names: dict[str, Any], words: tuple[str, str, str]) -> None:
    """D-09."""
    with pytest.raises(ConfigError) as raised:
        CookieNames(**names)
    assert [word for word in words if word not in str(raised.value)] == []


def make_site(**settings: Any) -> Site:
    return Site(Config(**settings), delivery=Delivery("memory:"))


@pytest.mark.parametrize(
    ("name", "settings", "finding"),
    [
        ("__Host-c", {}, "cookie_domain: is 'auto', but own_cookie's name is '__Host-c'"),
        ("__Http-c", {}, "own_cookie: is read by page scripts, but own_cookie's name is '__Http-c'"),
        ("__Secure-c", {"secure": False}, "secure: is False, but own_cookie's name is '__Secure-c'"),
    ],
)
def test_a_choice_s_name_that_no_browser_would_keep_is_refused_by_the_site(
    name: str, settings: dict[str, Any], finding: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        make_site(consent=own_cookie(name), **settings)
    assert str(raised.value).startswith(finding)


def test_a_choice_under_the_signal_needs_a_place_to_be_kept() -> None:
    with pytest.raises(ConfigError, match="honour_gpc: is 'unless-consented', and consent has no own_cookie"):
        make_site(consent=always_granted, honour_gpc="unless-consented")


@pytest.mark.parametrize("field", ["cookie_domain", "former_cookie_domain"])
@pytest.mark.parametrize("suffix", ["co.uk", "github.io", "foo.ck"])
def test_a_public_suffix_is_refused_by_the_site(field: str, suffix: str) -> None:
    """R-40, T-09: no browser keeps a cookie for it."""
    with pytest.raises(ConfigError, match=rf"{field}: is '{suffix}', a public suffix.*'shop\.{suffix}'"):
        make_site(**{field: suffix})


def test_a_sealed_ruid_without_a_key_is_refused_when_a_door_starts() -> None:
    """T-03: never clear base64 without a word."""
    with pytest.raises(ConfigError, match=r"secret_keys is empty; write secret_keys=.*'base64'.*'off'"):
        make_site().start()


@pytest.mark.parametrize(
    "settings",
    [{"secret_keys": (KEY,)}, {"ruid_cookie": "base64"}, {"ruid_cookie": "off"}, {"person_ids": "xuid"}],
)
def test_a_site_that_seals_nothing_or_has_a_key_starts(settings: dict[str, Any]) -> None:
    make_site(**settings).start()


@pytest.mark.parametrize("field", ["classify", "anonymous_id"])
def test_a_function_that_nobody_awaits_is_refused(field: str) -> None:
    async def ask_in_vain(view: object) -> None:
        raise AssertionError("nobody awaits it")

    settings: Any = {field: ask_in_vain}
    with pytest.raises(ConfigError, match=f"{field}: is an async def, which nobody awaits; write a function"):
        Config(**settings)


def test_a_frameworks_secret_will_do() -> None:
    site = make_site()
    site.start(secret_key=KEY)
    assert site.policy.sealer is not None


def test_a_frameworks_former_secrets_open_and_its_newest_seals() -> None:
    before, now = make_site(), make_site()
    before.start(secret_key="the secret of the year before")
    sealed = before.policy.seal("anna", "rsaRuid", "shop.example")
    now.start(secret_key=KEY, former_keys=["", "another one", "the secret of the year before"])
    assert now.policy.sealer is not None
    assert now.policy.sealer.open(sealed, "rsaRuid", "shop.example") == Opened("anna", newest=False)
    again = now.policy.seal("anna", "rsaRuid", "shop.example")
    assert before.policy.sealer is not None
    assert before.policy.sealer.open(again, "rsaRuid", "shop.example") is None


def test_a_former_secret_without_its_list_is_one_key_and_not_one_a_letter() -> None:
    before, now = make_site(), make_site()
    before.start(secret_key="the secret of the year before")
    sealed = before.policy.seal("anna", "rsaRuid", "shop.example")
    now.start(secret_key=KEY, former_keys="the secret of the year before")
    assert now.policy.sealer is not None
    assert now.policy.sealer.open(sealed, "rsaRuid", "shop.example") == Opened("anna", newest=False)


def test_a_secret_in_bytes_is_the_same_as_its_text() -> None:
    """As Django's force_bytes and itsdangerous' want_bytes have it."""
    sites = [make_site(), make_site()]
    sites[0].start(secret_key="a secret of Østergård's")
    sites[1].start(secret_key="a secret of Østergård's".encode())
    sealed = sites[0].policy.seal("anna", "rsaRuid", "shop.example")
    assert sites[1].policy.sealer is not None
    assert sites[1].policy.sealer.open(sealed, "rsaRuid", "shop.example") == Opened("anna", newest=True)


@pytest.mark.parametrize("empty", ["", b"", None])
def test_an_empty_secret_of_the_framework_is_none(empty: str | bytes | None) -> None:
    make_site(secret_keys=(KEY,)).start(secret_key=empty)
    with pytest.raises(ConfigError, match="secret_keys is empty"):
        make_site().start(secret_key=empty)


@pytest.mark.parametrize("do", ["snapshot", "resume", "seal"])
def test_a_process_without_a_key_is_told_to_write_secret_keys(do: str) -> None:
    policy = make_site().policy
    calls: dict[str, Callable[[], object]] = {
        "snapshot": lambda: policy.format_snapshot(None),
        "resume": lambda: policy.parse_snapshot("1.abc"),
        "seal": lambda: policy.seal("anna", "rsaRuid", "shop.example"),
    }
    with pytest.raises(ConfigError, match=r"needs secret_keys.*write secret_keys=.*INSTALLED_APPS.*Footfall\(app"):
        calls[do]()


def test_a_key_that_nothing_can_use_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    hide("cryptography", monkeypatch)
    site = make_site(ruid_cookie="off")
    site.start(secret_key=KEY)
    with pytest.raises(ConfigError, match="extra 'seal'"):
        site.policy.format_snapshot(None)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("a random text of 32 characters", "the placeholder"),
        (" a random text of 32 characters\n", "the placeholder"),
        ("k" * 32, "1 characters, repeated"),
        ("abcd" * 8, "4 characters, repeated"),
        ("change-me!" * 4, "one text, repeated"),
        ("0123456789abcdef" * 2, "one text, repeated"),
    ],
)
def test_a_key_that_anybody_would_guess_is_refused_and_not_quoted(key: str, found: str) -> None:
    for at, keys in enumerate([(key,), (KEY, key)]):
        with pytest.raises(ConfigError, match=rf"secret_keys\[{at}\]: is {found}.*token_urlsafe") as raised:
            Config(secret_keys=keys)
        assert key not in str(raised.value)


def test_every_key_that_a_message_of_ours_shows_is_refused() -> None:
    """Whoever copies a message as it stands is told so."""
    source = Path(footfall.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in source.rglob("*.py")]
    shown = [key for text in texts for keys in re.findall(r"secret_keys=\((.*?),?\)", text) for key in keys.split(",")]
    literals = {key.strip(" '\"") for key in shown if key.strip().startswith(("'", '"'))}
    for key in {*literals, PLACEHOLDER}:
        with pytest.raises(ConfigError):
            Config(secret_keys=(key,))


def test_the_sites_own_keys_go_before_the_frameworks() -> None:
    site = make_site(secret_keys=(KEY,))
    own = site.policy.sealer
    site.start(secret_key="another secret of the framework")
    assert site.policy.sealer is own


@pytest.mark.parametrize("name", ["rsa", "rsaSessionOpen", "rsaGone", "rsaXuid"])
def test_a_consent_cookie_has_a_name_of_its_own(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}'.*one of its own"):
        make_site(consent=own_cookie(name))


def test_a_path_for_consent_begins_with_a_slash() -> None:
    with pytest.raises(ConfigError, match=r"consent_endpoint.*'consent'.*'/consent'"):
        Site(Config(), delivery=Delivery("memory:"), consent_endpoint="consent")


def test_the_defaults_are_what_the_documents_say() -> None:
    """R-21, R-23, T-02, T-34, T-36: a year, 1,200 seconds, not_defined."""
    config = Config()
    assert (config.device_lifetime, config.session_idle, config.anonymous_user) == (
        timedelta(seconds=31_536_000),
        timedelta(seconds=1200),
        "not_defined",
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"device_lifetime": timedelta(days=90)},
        {"device_lifetime": timedelta(days=400)},
        {"session_idle": timedelta(seconds=1296)},
        {"cookie_domain": None},
        {"cookie_domain": "xn--mnchen-shop-thb.de"},
        {"anonymous_user": "no body"},
        {"consent": {"device": own_cookie(), "person": lambda _: Consent.DENIED}},
        {"secret_keys": [KEY]},
        {"former_cookie_names": CookieNames()},
        {"cookie_names": CookieNames(device="__Secure-rsa"), "secure": True},
        {"cookie_names": CookieNames(device="__Http-rsa", reaid="__http-r")},
        {"cookie_names": CookieNames(reaid="__Http-r"), "script_access": True},
        {"cookie_names": CookieNames(device="__Host-rsa", session="__Host-Http-s"), "cookie_domain": None},
        {"honour_gpc": "unless-consented"},
        {"person_ids": "xuid", "ruid_cookie": "off"},
    ],
)
def test_a_right_setting_is_taken(settings: dict[str, Any]) -> None:
    Config(**settings)


def test_a_configuration_shows_everything_but_its_keys() -> None:
    shown = repr(Config(secret_keys=(KEY,), cookie_domain="shop.example"))
    assert ("cookie_domain='shop.example'" in shown, "secret_keys=<1>" in shown, KEY in shown) == (True, True, False)


def test_a_short_key_is_measured_not_quoted() -> None:
    with pytest.raises(ConfigError) as raised:
        Config(secret_keys=("hunter2",))
    assert "hunter2" not in str(raised.value)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().secure = True  # type: ignore[misc]


def test_a_configuration_can_be_varied_and_copied() -> None:
    config = Config(cookie_domain="shop.example")
    assert dataclasses.replace(config, secure=True).cookie_domain == "shop.example"
    assert copy.deepcopy(config) == pickle.loads(pickle.dumps(config)) == config


def test_ids_for_tests_can_be_counted() -> None:
    site = Site(Config(), delivery=Delivery("memory:"), new_id=numbered_ids())
    assert site.policy.new_id() == "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    "reader",
    [onetrust, cookiebot, tcf, own_cookie, any_of, all_of, cookie, OwnCookie],
    ids=lambda reader: reader.__name__,
)
def test_a_reader_of_consent_that_was_not_made_is_refused(reader: Any) -> None:
    name = reader.__name__
    for consent in (reader, {"device": reader, "person": always_granted}, any_of(own_cookie(), all_of(reader))):
        with pytest.raises(
            ConfigError, match=rf"consent is {name} itself, which makes a reader; call it: consent={name}"
        ):
            Config(consent=consent)


@pytest.mark.parametrize("reader", [always_granted, own_cookie(), onetrust("C0004"), lambda view: Consent.GRANTED])
def test_a_reader_of_consent_is_taken(reader: Any) -> None:
    assert Config(consent=reader).consent is reader
