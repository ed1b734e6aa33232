"""`footfall check`, `footfall check --privacy` and `footfall forget`: what they find, say and do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.identity.asking import DEVICE, KNOWN, MADE, PAGE, SESSION, emit, respond, set_cookies, view

from footfall import Config, Consent, CookieNames, Site
from footfall.check import Finding, Stored, check_site, describe_gpc, findings, privacy_record
from footfall.cli import main
from footfall.commands.choosing import find_spool, load_site
from footfall.consent import always_granted, any_of, onetrust, own_cookie
from footfall.delivery import KEEP_ONCE, Delivery
from footfall.identity.visitor import Visitor
from footfall.request import RequestView
from footfall.trackers import Raptor, Tracker, Yoochoose

KEY = "a key of thirty-two letters, say"
Make = Callable[..., Site]


def told(visitor: Visitor) -> None:
    """Be told of whom the site forgets."""


async def ask_elsewhere(_: RequestView) -> Consent:
    return Consent.GRANTED


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a site with which nothing is wrong, but for what is given."""

    def make(
        *, trackers: tuple[Tracker, ...] = (Raptor("12345"), Yoochoose("00000")), site: Any = None, **config: Any
    ) -> Site:
        settings: dict[str, Any] = {
            "delivery": Delivery(f"sqlite:///{tmp_path}/footfall.sqlite3"),
            "user_id": lambda request: None,
            "on_forget": told,
            "consent_endpoint": "/consent",
            **(site or {}),
        }
        MADE.append(Site(Config(**{"secret_keys": (KEY,), "strip_query_ids": True, **config}), trackers, **settings))
        return MADE[-1]

    return make


@pytest.fixture(autouse=True)
def _a_good_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every extra is installed, and the spool is on a disk: tests say otherwise where it matters."""
    installed: list[str] = ["cryptography"]
    monkeypatch.setattr(findings, "find_spec", lambda name: find_spec("os") if name in installed else find_spec(name))
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\n", encoding="utf-8")
    monkeypatch.setattr(findings, "_MOUNTS", mounts)


def short(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.severity, one.field) for one in findings]


def beside(findings: list[Finding]) -> list[Finding]:
    """Leave out what is to be known of every site: who grants consent, and who is a bot."""
    return [one for one in findings if not one.finding.startswith(("is granted by", "takes curl"))]


def test_with_a_careful_configuration_nothing_is_wrong(make: Make) -> None:
    assert beside(check_site(make())) == []
    assert short(check_site(make())) == [("note", "consent"), ("note", "ignore_bots")]


@pytest.mark.parametrize(
    ("config", "site", "ways"),
    [
        ({}, {}, "tracking.grant() in a view, or a POST to /consent?grant"),
        ({}, {"consent_endpoint": None}, "tracking.grant() in a view"),
        ({"consent": onetrust("C0004")}, {}, "whatever writes the cookies OptanonAlertBoxClosed, OptanonConsent"),
        (
            {"consent": any_of(own_cookie("choice"), onetrust("C0004"))},
            {},
            (
                "tracking.grant() in a view, or a POST to /consent?grant, or whatever writes the cookies"
                " OptanonAlertBoxClosed, OptanonConsent"
            ),
        ),
        ({"consent": ask_elsewhere}, {}, "what your own reader reads"),
    ],
)
def test_who_can_grant_consent_is_said(make: Make, config: Any, site: Any, ways: str) -> None:
    said = [one.finding for one in check_site(make(site=site, **config)) if one.finding.startswith("is granted by")]
    assert said == [f"is granted by {ways}; until then no event is accepted"]


def test_nobody_grants_what_is_always_granted(make: Make) -> None:
    assert not any(one.finding.startswith("is granted") for one in check_site(make(consent=always_granted)))


@pytest.mark.parametrize(
    "user_agent",
    [
        "curl/8.5.0",
        "python-requests/2.32.3",
        "python-httpx/0.28.1",
        "",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
    ],
)
def test_whom_the_check_calls_a_bot_is_one(make: Make, user_agent: str) -> None:
    (said,) = [one.finding for one in check_site(make()) if one.field == "ignore_bots"]
    for name in ("curl", "python-requests", "httpx", "headless browsers", "no user agent (Django's test client)"):
        assert name in said
    tracking = make().begin(view(headers={**PAGE, "user-agent": user_agent}))
    assert tracking.request_class.name == "bot"


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"secure": True}, "secure"),
        ({"cookie_names": CookieNames(device="__Secure-rsa")}, "cookie_names"),
        ({"consent": own_cookie("__Secure-choice")}, "consent"),
    ],
)
def test_cookies_that_http_never_keeps_are_named(make: Make, config: Any, field: str) -> None:
    found = [one for one in beside(check_site(make(**config))) if "over plain http" in one.finding]
    assert [(one.severity, one.field) for one in found] == [("note", field)]


HTTP = {"trackers": (Raptor("12345", base_url="http://tracker.example"),)}
LOCAL = [
    {"trackers": (Raptor("12345", base_url=f"http://{host}:8100"),)} for host in ("127.0.0.1", "localhost", "[::1]")
]
DEVICE_ONLY = {"consent": {"device": own_cookie(), "person": onetrust("C0004")}}
ENDPOINT_ALONE = {"consent": onetrust("C0004")}
#: From settings to what is found: a severity and the field.
CASES: list[tuple[str, Mapping[str, Any], list[tuple[str, str]]]] = [
    ("consent of nobody", {"consent": always_granted}, [("error", "consent_endpoint"), ("warning", "consent")]),
    ("no endpoint", {"site": {"consent_endpoint": None}}, [("note", "consent_endpoint")]),
    ("an endpoint that forgets", ENDPOINT_ALONE, [("error", "consent_endpoint")]),
    ("a platform", {**ENDPOINT_ALONE, "site": {"consent_endpoint": None}}, []),
    ("a platform and our own", {"consent": any_of(own_cookie(), onetrust("C0004"))}, []),
    ("half our own", DEVICE_ONLY, [("warning", "consent")]),
    ("one reader twice", {"consent": dict.fromkeys(("device", "person"), own_cookie())}, [("note", "consent")]),
    (
        "a person nobody asks",
        {"consent": {"device": own_cookie(), "person": always_granted}},
        [("warning", "consent"), ("warning", "consent")],
    ),
    ("an async reader", {"consent": ask_elsewhere, "site": {"consent_endpoint": None}}, [("note", "consent")]),
    ("no gpc", {"honour_gpc": False}, [("warning", "honour_gpc")]),
    ("nobody told", {"site": {"on_forget": None}}, [("warning", "on_forget")]),
    ("readable", {"ruid_cookie": "base64"}, [("warning", "ruid_cookie")]),
    ("no key", {"secret_keys": ()}, [("warning", "secret_keys")]),
    ("no key, nothing to seal", {"secret_keys": (), "ruid_cookie": "off"}, [("note", "secret_keys")]),
    ("no key, the other mail system", {"secret_keys": (), "person_ids": "xuid"}, [("note", "secret_keys")]),
    ("plain http", {"secure": False}, [("warning", "secure")]),
    ("scripts", {"script_access": True}, [("warning", "script_access")]),
    ("one host", {"cookie_domain": None}, [("note", "cookie_domain")]),
    ("ids in addresses", {"strip_query_ids": False}, [("note", "strip_query_ids")]),
    ("a shorter year", {"device_lifetime": timedelta(days=90)}, [("note", "device_lifetime")]),
    ("a longer visit", {"session_idle": timedelta(minutes=30)}, [("warning", "session_idle")]),
    ("a shorter visit", {"session_idle": timedelta(minutes=10)}, [("note", "session_idle")]),
    ("bots", {"ignore_bots": False}, [("warning", "ignore_bots")]),
    ("strict", {"site": {"strict": True}}, [("warning", "strict")]),
    ("lenient", {"site": {"strict": False}}, []),
    ("no tracker", {"trackers": ()}, [("warning", "trackers")]),
    ("no user", {"site": {"user_id": None}}, [("warning", "user_id")]),
    ("no user, no login", {"trackers": (Raptor("1"),), "site": {"user_id": None}}, [("note", "user_id")]),
    ("tracker over http", HTTP, [("warning", "tracker raptor")]),
    *((f"local tracker {at}", settings, [("note", "tracker raptor")]) for at, settings in enumerate(LOCAL)),
    ("memory", {"site": {"delivery": Delivery("memory:")}}, [("warning", "spool")]),
    ("relative", {"site": {"delivery": Delivery("sqlite:///footfall.sqlite3")}}, [("warning", "spool")]),
    ("no folder", {"site": {"delivery": Delivery("sqlite:////no/such/folder/a.sqlite3")}}, [("error", "spool")]),
]


@pytest.mark.parametrize(
    ("settings", "found"), [pytest.param(settings, found, id=name) for name, settings, found in CASES]
)
def test_what_is_wrong_or_risky_is_found_and_nothing_else(
    make: Make, settings: Mapping[str, Any], found: list[tuple[str, str]]
) -> None:
    assert short(beside(check_site(make(**settings)))) == found


def test_a_spool_that_others_deliver_needs_a_deliverer(make: Make, tmp_path: Path) -> None:
    delivery = Delivery(f"sqlite:///{tmp_path}/footfall.sqlite3", deliver_here=False)
    assert short(beside(check_site(make(site={"delivery": delivery})))) == [("note", "deliver_here")]


@pytest.mark.parametrize(
    ("mounts", "found"),
    [
        ("tmpfs {} tmpfs rw 0 0", [("warning", "spool")]),
        ("server:/x {} nfs4 rw 0 0", [("error", "spool")]),
        ("//server/x {} cifs rw 0 0", [("error", "spool")]),
        ("overlay {} overlay rw 0 0", [("note", "spool")]),
        ("tmpfs {} tmpfs rw 0 0\n/dev/sdb {} ext4 rw 0 0", []),
        ("tmpfs {}-not tmpfs rw 0 0", []),
        ("rubbish", []),
    ],
)
def test_where_the_spool_lies_matters(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, found: list[tuple[str, str]]
) -> None:
    file = tmp_path / "mounts"
    file.write_text(f"/dev/sda1 / ext4 rw 0 0\n{mounts.replace('{}', str(tmp_path.resolve()))}\n", encoding="utf-8")
    assert short(beside(check_site(make()))) == found


def test_a_machine_that_tells_of_no_mounts_is_no_finding(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "_MOUNTS", tmp_path / "nothing")
    assert beside(check_site(make())) == []


def test_a_folder_that_cannot_be_written_is_an_error(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere; the question is put to the system.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert short(beside(check_site(make()))) == [("error", "spool")]


def test_a_missing_extra_is_found_with_the_command_that_installs_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "find_spec", lambda name: None)
    (one,) = beside(check_site(make()))
    assert (one.severity, one.field, "pip install 'footfall[" in one.remedy) == ("error", "ruid_cookie", True)


def test_the_worst_comes_first_and_every_finding_says_what_to_do(make: Make) -> None:
    findings = [one for _, settings, _ in CASES for one in check_site(make(**settings))]
    assert all(one.finding and one.remedy and str(one).startswith(one.severity) for one in findings)
    worst = beside(check_site(make(consent=always_granted, cookie_domain=None, secure=False)))
    assert [one.severity for one in worst] == ["error", "warning", "warning", "note"]


def test_checking_a_site_writes_nothing(make: Make, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    check_site(make())
    assert sorted(tmp_path.iterdir()) == before


# What is stored


def record(site: Site) -> dict[str, Stored]:
    return {f"{one.kind} {one.name}": one for one in privacy_record(site)}


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"cookie_names": CookieNames(device="did", session="sid")},
        {"session_ends_with_browser": False},
        {"person_ids": "xuid"},
        {"ruid_cookie": "base64"},
        {"ruid_cookie": "off"},
        {"cookie_domain": None, "script_access": True},
        {"consent": own_cookie("choice", max_age=timedelta(days=30))},
        {"device_lifetime": timedelta(days=100), "session_idle": timedelta(minutes=10)},
    ],
    ids=lambda config: ",".join(config) or "default",
)
def test_the_record_names_every_cookie_that_is_ever_set_and_for_how_long(make: Make, config: Any) -> None:
    """D-05, GDPR Art. 30: what a response really sets, against what the record says of it."""
    site = make(**config)
    token = "xuid" if site.config.person_ids == "xuid" else "reaid"

    def do(tracking: Any) -> None:
        tracking.grant()
        tracking.identify("anna@shop.example")

    lines = set_cookies(respond(site, view(f"https://www.shop.example/?{token}=t1"), do))
    choice = next(line for line in lines if "=1.g.g." in line).partition(";")[0]
    lines += set_cookies(respond(site, view(cookie=f"{choice}; {KNOWN}"), lambda t: t.grant()))
    named = site.config.cookie_names
    forgetting = f"{choice}; {named.device}={DEVICE}; {named.session}={SESSION}"
    lines += set_cookies(respond(site, view(cookie=forgetting), lambda t: t.forget()))
    kept = [line for line in lines if "Max-Age=0" not in line]
    stored = {name.removeprefix("cookie "): one for name, one in record(site).items() if one.kind == "cookie"}
    assert {line.partition("=")[0] for line in kept} == set(stored)
    for line in kept:
        one = stored[line.partition("=")[0]]
        assert ("HttpOnly" in line) == ("HttpOnly" in one.where)
        assert in_words(line) == " ".join(one.kept.split()[:2])
        assert ("Domain=" in line) == ("all hosts" in one.where)


def in_words(line: str) -> str:
    """How long a cookie's line keeps it, as the record begins to say so."""
    age = next((part.partition("=")[2] for part in line.split("; ") if part.startswith("Max-Age=")), None)
    if age is None:
        return "until the"
    seconds = int(age)
    if seconds % 86400 == 0:
        return f"{seconds // 86400} days"
    return "1 hour" if seconds == 3600 else f"{seconds // 60} minutes"


def test_the_record_says_where_requests_wait_and_for_how_long(make: Make, tmp_path: Path) -> None:
    one = record(make())["spool footfall.sqlite3"]
    assert one.where.startswith(f"{tmp_path}/footfall.sqlite3 and ")
    assert one.kept.endswith("tried again for 1 day at most")


def test_what_is_remembered_of_logins_is_in_the_record_where_a_tracker_has_them(make: Make) -> None:
    assert record(make())["spool footfall.sqlite3, logins"].kept.startswith(f"{KEEP_ONCE / 86400:.0f} days")
    assert "spool footfall.sqlite3, logins" not in record(make(trackers=(Raptor("1"),)))


@pytest.mark.parametrize(
    ("tracker", "host", "words"),
    [
        (Raptor("1"), "t.raptorsmartadvisor.com", ["visit's random id", "in base64", "token", "who is logged in"]),
        (Yoochoose("1"), "event.yoochoose.net", ["device's random id", "who is logged in"]),
        (Raptor("1", base_url="https://collect.shop.example:8443"), "collect.shop.example:8443", ["token"]),
    ],
)
def test_the_record_says_what_is_sent_to_whom(make: Make, tracker: Tracker, host: str, words: list[str]) -> None:
    one = record(make(trackers=(tracker,)))[f"tracker {tracker.name}"]
    assert (one.where, [word for word in words if word not in one.content]) == (host, [])


def test_a_tracker_of_ones_own_is_in_the_record(make: Make) -> None:
    class Silent:
        name = "silent"

        def requests(self, event: object, visitor: Visitor) -> tuple[()]:
            return ()

    assert "tracker silent" in record(make(trackers=(Silent(),)))


def test_privacy_md_shows_the_record_of_the_default_configuration() -> None:
    """The document's tables are these, in step with the code: python -m tests.commands.test_check writes them anew."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert between_marks(text) == tables()


DOCUMENT = Path(__file__).parents[2] / "docs" / "privacy.md"
BEGIN, END = "<!-- the record of the default configuration begins -->\n", "<!-- and ends -->\n"


def between_marks(text: str) -> str:
    return text.partition(BEGIN)[2].partition(END)[0]


def tables() -> str:
    """Write the record of the default configuration, with both trackers, as Markdown."""
    delivery = Delivery("sqlite:////var/lib/shop/footfall.sqlite3")
    stored = privacy_record(Site(Config(), [Raptor("12345"), Yoochoose("00000")], delivery=delivery))
    lines = [
        "| | holds | for what | kept | where | when |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {one.kind} `{one.name}` | {one.content} | {one.purpose} | {one.kept} | {one.where} | {one.when} |"
            for one in stored
        ),
    ]
    return "\n" + "\n".join(lines) + "\n\n"


# The commands

SHOP = """
    from footfall import Config, Site
    from footfall.delivery import Delivery
    from footfall.trackers import Raptor, Yoochoose

    told = []
    site = Site(
        Config(secret_keys=("a key of thirty-two letters, say",){config}),
        [Raptor("12345", base_url="http://127.0.0.1:9"), Yoochoose("00000", base_url="http://127.0.0.1:9")],
        delivery=Delivery("{spool}", deliver_here=False),
        on_forget={on_forget},
    )
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Write a shop's module and give its place: ``shop(config=", secure=False")``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    name = "checked_shop"

    def write(config: str = "", spool: str | None = None, on_forget: str = "None") -> str:
        where = spool or f"sqlite:///{tmp_path}/footfall.sqlite3"
        text = dedent(SHOP).format(config=config, spool=where, on_forget=on_forget)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return f"{name}:site"

    yield write
    sys.modules.pop(name, None)


Output = pytest.CaptureFixture[str]


def test_check_prints_findings_and_ends_with_0_where_none_is_an_error(shop: Callable[..., str], capsys: Output) -> None:
    assert main(["check", shop(config=", secure=False")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("warning: secure: is False: ")
    assert lines[-1] == f"0 errors, {sum(line.startswith('warning: ') for line in lines)} warnings, 7 notes"


def test_check_ends_with_1_where_something_does_not_work(shop: Callable[..., str], capsys: Output) -> None:
    assert main(["check", shop(spool="sqlite:////no/such/folder/a.sqlite3")]) == 1
    assert capsys.readouterr().out.startswith("error: spool: has no folder: ")


def test_check_ends_with_1_where_the_site_cannot_be_made(shop: Callable[..., str], capsys: Output) -> None:
    assert main(["check", shop(config=", session_idle=20")]) == 1
    assert capsys.readouterr().out == "error: session_idle: is 20; write a timedelta(...)\n"


@pytest.mark.parametrize("site", ["nothing_here:site", "checked_shop:nobody", "checked_shop"])
@pytest.mark.parametrize("command", [["check"], ["forget", DEVICE, "--site"]], ids=["check", "forget"])
def test_a_site_that_is_not_there_is_status_2(
    shop: Callable[..., str], capsys: Output, command: list[str], site: str
) -> None:
    shop()
    assert main([*command, site]) == 2
    assert capsys.readouterr().err.startswith("footfall: site: ")


@pytest.mark.parametrize(
    "path",
    ["checked_shop.py", "./checked_shop.py", "shop/tracking.py:site", "./shop.py:site", "/shop/tracking"],
)
@pytest.mark.parametrize("command", [["check"], ["forget", DEVICE, "--site"]], ids=["check", "forget"])
def test_a_files_path_is_no_site_and_says_what_is(
    shop: Callable[..., str], capsys: Output, command: list[str], path: str
) -> None:
    shop()
    assert main([*command, path]) == 2
    said = capsys.readouterr().err
    assert said == f"footfall: site: {path!r} is a file's path; write module and name, as in shop.tracking:site\n"


NESTED = "\nimport types\nsites = types.SimpleNamespace(main=site)\n"


@pytest.mark.parametrize(
    "place", ["checked_shop:site", "checked_shop.site", "checked_shop:sites.main", "checked_shop.sites.main"]
)
def test_a_site_is_named_with_a_colon_or_as_django_does(shop: Callable[..., str], capsys: Output, place: str) -> None:
    shop()
    module = Path("checked_shop.py")
    module.write_text(module.read_text(encoding="utf-8") + NESTED, encoding="utf-8")
    assert main(["check", place]) == 0
    assert main(["preview", place, "click", "3298", "--tracker", "raptor"]) == 0
    assert find_spool(place) == f"sqlite:///{Path.cwd()}/footfall.sqlite3"


@pytest.mark.parametrize("name", ["footfall.sqlite3", "spool.of.the.shop", "checked_shop.site"])
def test_a_spools_file_is_one_whatever_dots_it_has(shop: Callable[..., str], name: str) -> None:
    shop()
    Path(name).touch()
    assert find_spool(name) == f"sqlite:///{name}"


def test_a_file_that_is_not_there_yet_is_a_file(shop: Callable[..., str]) -> None:
    shop()
    assert find_spool("footfall.sqlite3") == "sqlite:///footfall.sqlite3"


def test_an_import_of_the_sites_own_that_fails_is_not_called_a_missing_module(shop: Callable[..., str]) -> None:
    shop()
    Path("checked_shop.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    for place in ("checked_shop:site", "checked_shop.site"):
        with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
            load_site(place)


def test_check_privacy_prints_the_record(shop: Callable[..., str], capsys: Output) -> None:
    assert main(["check", shop(), "--privacy"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("cookie rsa\n  purpose: tells one browser from another\n")
    assert "\n\ntracker yoochoose\n" in out
    assert out.endswith("\n\nsignal Sec-GPC: 1\n  rule:    is a denial\n")


@pytest.mark.parametrize(
    ("setting", "rule"), [(False, "is ignored"), ("unless-consented", "is a denial, unless the visitor consents while")]
)
def test_it_says_which_rule_the_signal_is_under(setting: Any, rule: str) -> None:
    assert rule in describe_gpc(Config(honour_gpc=setting))


def emit_as(site: Site, cookie: str, times: int = 1) -> None:
    for _ in range(times):
        respond(site, view(cookie=f"{cookie}; footfallConsent=1.g.g.{int(site.now())}"), emit)


def test_forget_erases_what_waits_of_one_device_and_of_no_other(shop: Callable[..., str], capsys: Output) -> None:
    """D-05."""
    place = shop()
    site = load_site(place)
    path = site.delivery.settings.path
    site.delivery = Delivery(f"sqlite:///{path}", deliver_here=False)
    emit_as(site, KNOWN, times=2)
    emit_as(site, f"rsa={SESSION}; rsaSession={DEVICE}; rsaSessionOpen=1")
    site.close()
    assert main(["forget", DEVICE, "--site", place]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Erased 4 requests that waited or had failed.\nSite(on_forget=...) is not set: ")
    assert DEVICE not in out
    stats = Delivery(f"sqlite:///{path}").stats()
    assert (stats.erased, stats.pending) == (4, 2)


def test_forget_reaches_what_a_running_site_has_not_spooled_yet(shop: Callable[..., str], capsys: Output) -> None:
    """D-05: the site's own process lives, its journal holds the events."""
    place = shop()
    site = load_site(place)
    running = Delivery(f"sqlite:///{site.delivery.settings.path}", deliver_here=False)
    site.delivery = running
    emit_as(site, KNOWN, times=3)
    assert main(["forget", DEVICE, "--site", place]) == 0
    running.flush(10)
    assert (running.stats().erased, running.close()) == (6, 0)


def test_forget_tells_the_site(shop: Callable[..., str], capsys: Output) -> None:
    place = shop(on_forget="told.append")
    site = load_site(place)
    emit_as(site, KNOWN)
    site.close()
    assert main(["forget", DEVICE, "--site", place]) == 0
    assert [one.device_id for one in sys.modules["checked_shop"].told] == [DEVICE]
    assert "Site(on_forget=...) was called" in capsys.readouterr().out


def test_forget_ends_with_1_where_the_site_could_not_be_told(shop: Callable[..., str], capsys: Output) -> None:
    place = shop(on_forget="lambda visitor: 1 / 0")
    site = load_site(place)
    emit_as(site, KNOWN)
    site.close()
    before = site.delivery
    assert main(["forget", DEVICE, "--site", place]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("Erased 2 requests")
    assert "was called" not in told.out
    assert "Not all of it was done" in told.err
    assert site.delivery is before


@pytest.mark.parametrize("spool", ["memory:", "sqlite:////no/such/folder/a.sqlite3"])
def test_forget_says_where_no_spool_can_be_reached(shop: Callable[..., str], capsys: Output, spool: str) -> None:
    place = shop(spool=spool)
    text = Path("checked_shop.py").read_text(encoding="utf-8").replace(", deliver_here=False", "")
    Path("checked_shop.py").write_text(text, encoding="utf-8")
    assert main(["forget", DEVICE, "--site", place]) == 2
    assert capsys.readouterr().err.startswith("footfall: spool: ")


def test_forget_takes_no_id_that_is_none_and_repeats_it_nowhere(shop: Callable[..., str], capsys: Output) -> None:
    assert main(["forget", "anna@shop.example", "--site", shop()]) == 2
    err = capsys.readouterr().err
    assert ("DEVICE_ID: is no GUID" in err, "anna" in err) == (True, False)


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text.replace(between_marks(text), tables()), encoding="utf-8")
