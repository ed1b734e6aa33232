"""Every snippet of README and docs runs as it stands, joined as a reader joins them."""

from __future__ import annotations

import argparse
import http.client
import json
import logging
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from tests.doors.project import make_project
from tests.doors.shops import run_shop
from tests.identity.asking import MADE, PAGE, view
from tests.trackers.test_links import RESPONSE

from footfall import Site, Tracking
from footfall.cli import make_parser
from footfall.delivery import spool_status
from footfall.events import Item
from footfall.testing import a_person, recording
from footfall.trackers import Yoochoose

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: What a browser sends on http://127.0.0.1.
BROWSER = {"User-Agent": PAGE["user-agent"], "Accept": PAGE["accept"]}


class Snippet(NamedTuple):
    """A block of a page."""

    page: str
    language: str
    text: str

    def has(self, *words: str) -> bool:
        return all(word in self.text for word in words)


def read_snippets() -> Iterator[Snippet]:
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for language, block in re.findall(r"^ *```(\w+)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
            yield Snippet(path.name, language, dedent(block))
        # Commands are indented by four.
        for block in re.findall(r"(?<=\n\n)((?:    footfall .*\n)+)", text):
            yield Snippet(path.name, "console", dedent(block))


SNIPPETS = list(read_snippets())


def find(page: str, *words: str) -> Snippet:
    (found,) = [one for one in SNIPPETS if one.page == page and one.has(*words)]
    return found


SHOP = find("README.md", "import secrets")
SETTINGS = find("README.md", "INSTALLED_APPS")
DJANGO_VIEW = find("README.md", "urlpatterns")
IN_A_VIEW = find("README.md", "tracking.snapshot()")
#: Each goes behind the first one, and is a whole program then; with its server.
PROGRAMS = {
    "the first": (None, "uvicorn"),
    "Starlette": (find("README.md", "Middleware(TrackingMiddleware"), "uvicorn"),
    "FastAPI": (find("README.md", "FastAPI()"), "uvicorn"),
    "Flask": (find("README.md", "Flask(__name__)"), "gunicorn"),
    "WSGI": (find("README.md", "def shop(environ"), "gunicorn"),
}


def get(port: int, path: str = "/shirt") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=BROWSER)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def accepted(folder: Path, wait_until: Callable[[Callable[[], object]], bool]) -> int:
    """How many requests the shop's spool has taken: one event, for two trackers."""
    spool = folder / "footfall.sqlite3"
    wait_until(lambda: spool.exists() and spool_status(f"sqlite:///{spool}").stats.accepted >= 2)
    return spool_status(f"sqlite:///{spool}").stats.accepted


@pytest.mark.parametrize(("snippet", "server"), PROGRAMS.values(), ids=PROGRAMS)
def test_readme_pasted_gives_an_event_on_localhost(
    snippet: Snippet | None,
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[[Callable[[], object]], bool],
) -> None:
    (tmp_path / "pasted.py").write_text(f"{SHOP.text}\n\n{snippet.text if snippet else ''}", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with run_shop(server, "pasted:app", "", tmp_path) as port:
        status, body = get(port)
    assert (status, body.strip(b'"')) == (200, b"A shirt")
    assert accepted(tmp_path, wait_until) == 2


def test_readme_pasted_into_a_django_project_gives_an_event_on_localhost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[[Callable[[], object]], bool]
) -> None:
    project = make_project(tmp_path, SETTINGS.text, tracking=SHOP.text)
    project.write("urls.py", DJANGO_VIEW.text)
    monkeypatch.syspath_prepend(tmp_path)
    with run_shop("gunicorn", "shop.wsgi:application", "", tmp_path) as port:
        assert get(port) == (200, b"A shirt")
    assert accepted(tmp_path, wait_until) == 2
    assert project.run("manage.py", "check", check=True).stderr == ""


# Pieces, in the place where a reader puts them


def shop(*more: Snippet) -> dict[str, Any]:
    """Run README's first program, and what goes behind it; gives its names."""
    names: dict[str, Any] = {"__name__": "pasted"}
    for snippet in (SHOP, *more):
        exec(compile(snippet.text, snippet.page, "exec", dont_inherit=True), names)
    MADE.append(names["site"])
    return names


def track(site: Site) -> Tracking:
    return site.begin(view(), debug=True)


def test_what_a_view_may_do() -> None:
    names = shop()
    site: Site = names["site"]
    with recording(site) as recorder:
        tracking = track(site)
        names["request"] = SimpleNamespace(state=SimpleNamespace(tracking=tracking))
        exec(IN_A_VIEW.text, names)
        tracking.finish(200, [])
    assert {"Buy", "Login"} <= {type(event).__name__ for event in recorder.events}
    assert site.resume(names["token"]) is not None


FIELDS = find("trackers.md", "search_term")
LINKS = find("trackers.md", "read_recommendations(response")


def test_fields_of_a_sites_own_are_told() -> None:
    start, mark, in_a_view = FIELDS.text.partition("# in a view:\n")
    assert mark
    names = shop(FIELDS._replace(text=start))
    names["site"].trackers = (names["raptor"],)
    with recording(names["site"]) as recorder:
        names["tracking"] = track(names["site"])
        exec(in_a_view, names)
    assert [request.kind for request in recorder.requests] == ["visit", "search"]
    assert ["p31=blue" in request.url or "p32=boots" in request.url for request in recorder.requests] == [True, True]


def test_recommendations_are_reported_as_rendered() -> None:
    names = shop()
    names["site"].trackers = (Yoochoose("00000"),)  # as in production, where links lead to the vendor
    with recording(names["site"]) as recorder:
        names["tracking"] = track(names["site"])
        names["response"] = SimpleNamespace(content=json.dumps(RESPONSE).encode())
        exec(LINKS.text, names)
    assert [request.kind for request in recorder.requests] == ["rendered"]


BANNER = find("privacy.md", "<form")


def test_each_button_of_the_banner_is_answered() -> None:
    buttons = re.findall(r'formaction="(.+?)"', BANNER.text)
    assert len(buttons) == 3
    site = Site(consent_endpoint="/consent")
    MADE.append(site)
    from_the_page = {**PAGE, "sec-fetch-site": "same-origin"}
    for button in buttons:
        tracking = site.begin(view(f"https://www.shop.example{button}", method="POST", headers=from_the_page))
        answer = tracking.answer()
        assert answer is not None
        edit = tracking.finish(answer.status, answer.headers)
        assert answer.status == 303
        assert edit is not None
        assert any("footfallConsent=1." in value for _, value in edit.add)


POST_FORK = find("delivery.md", "def post_fork")
OBSERVE = find("delivery.md", "observe(site)")


def test_a_post_fork_hook_warms_the_site_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "tracking.py").write_text(SHOP.text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(POST_FORK.text, names)
    names["post_fork"](None, None)
    MADE.append(sys.modules["shop.tracking"].site)
    assert (tmp_path / "footfall.sqlite3.outbox").is_dir()
    for name in ("shop.tracking", "shop"):
        sys.modules.pop(name)


ALONE = [
    find("trackers.md", "trackers = ["),
    find("trackers.md", "def requests(self"),
    find("privacy.md", "cookiebot("),
    find("delivery.md", "Delivery(spool="),
    find("fleet.md", "delivery = Delivery("),
    find("fleet.md", "SharedCounters("),
]


@pytest.mark.parametrize("snippet", ALONE, ids=lambda one: one.page)
def test_a_snippet_that_stands_alone_runs(snippet: Snippet) -> None:
    names: dict[str, Any] = {}
    exec(snippet.text, names)
    if isinstance(names.get("site"), Site):
        MADE.append(names["site"])


def test_the_counters_are_observed() -> None:
    names = shop(OBSERVE)
    assert names["observe"] is not None


LOGGING = find("no-events.md", "basicConfig")


def test_the_log_shows_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    root, logger = logging.getLogger(), logging.getLogger("footfall")
    before, level = list(root.handlers), logger.level
    root.handlers.clear()
    try:
        exec(LOGGING.text, {})
        site: Site = shop()["site"]
        site.begin(view(headers={**PAGE, "user-agent": "curl/8"}), debug=True).finish(200, [])
    finally:
        root.handlers[:] = before
        logger.setLevel(level)
    assert "DEBUG:footfall.tracking:200; class: bot" in capsys.readouterr().err


FAVOURITE = find("trackers.md", "class Favourite(Event)")


def test_an_event_of_a_sites_own_judges_itself() -> None:
    names: dict[str, Any] = {"__name__": "pasted"}
    exec(compile(FAVOURITE.text, FAVOURITE.page, "exec", dont_inherit=True), names)
    found = [names["Favourite"](Item("3298"), shelf).finding for shelf in ("summer", "")]
    assert found == [None, "shelf: is empty; name one"]


FLASK = find("README.md", "Flask(__name__)")
A_TEST = find("testing.md", "starlette.testclient")
DJANGO_CLIENT, FLASK_CLIENT = find("testing.md", "Client(headers="), find("testing.md", "test_client()")
DJANGO_VIEW_ALONE, FLASK_VIEW_ALONE = find("testing.md", "RequestFactory"), find("testing.md", "test_request_context")


# With its successor installed, eventlet cannot be imported: dnspython finds it there, and loads trio for it.
@pytest.mark.filterwarnings("ignore:Using .httpx. with")
def test_a_test_as_the_page_writes_it_passes() -> None:
    names = shop(A_TEST)
    names["test_a_look_at_a_shirt_is_reported"]()
    assert names["site"].stats().accepted == 0  # it was recorded, not kept


def test_a_test_with_djangos_client_passes(tmp_path: Path) -> None:
    project = make_project(tmp_path, SETTINGS.text, tracking=SHOP.text)
    project.write("urls.py", DJANGO_VIEW.text)
    alone = dedent("""
        with recording(site) as record:
            {}
        assert [event.kind for event in record.events] == ["click"]
        print("passed")
    """).format(DJANGO_VIEW_ALONE.text.replace("\n", "\n    "))
    settings = "from django.conf import settings; settings.ALLOWED_HOSTS = ['testserver']\n"
    ran = project.run("manage.py", "shell", "-c", f"{settings}{DJANGO_CLIENT.text}\n{alone}", check=True)
    assert "passed" in ran.stdout


def test_a_test_with_flasks_client_passes() -> None:
    names = shop(FLASK)
    names["person"] = a_person(names["site"])
    for snippet in (FLASK_CLIENT, FLASK_VIEW_ALONE):
        with recording(names["site"]) as record:
            exec(snippet.text, names)
        assert [event.kind for event in record.events] == ["click"]


# Commands


COMMANDS = [
    line
    for one in SNIPPETS
    if one.language in ("console", "sh")
    for line in one.text.replace("\\\n", " ").splitlines()
    if re.search(r"\bfootfall \w", line)
]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one_that_the_program_takes(line: str) -> None:
    words = shlex.split(line.removeprefix("$ "))
    parsed = make_parser().parse_args(words[words.index("footfall") + 1 :])
    assert isinstance(parsed, argparse.Namespace)


TOX = [one for one in SNIPPETS if one.page == "README.md" and one.language == "sh"]


def test_the_environments_that_readme_names_are_there() -> None:
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    for name in re.findall(r"tox run -e (\w+)", "".join(one.text for one in TOX)):
        assert f"[testenv:{name}]" in tox


WITHIN, AFTER = find("fleet.md", "within=connection"), find("fleet.md", "def paid(")


def test_a_view_of_the_fleets_page_reports_a_buy(tmp_path: Path) -> None:
    settings = f"{SETTINGS.text}\nDATABASES['default']['NAME'] = ':memory:'\n"
    project = make_project(tmp_path, settings, tracking=SHOP.text)
    code = f"""
{WITHIN.text}
{AFTER.text}
from types import SimpleNamespace
from footfall.testing import recording
from shop.tracking import site
from tests.identity.asking import view
item = SimpleNamespace(item="3298", price="19.99", save=lambda: None)
place_order = lambda request: item
with recording(site) as record:
    request = SimpleNamespace(state=SimpleNamespace(tracking=site.begin(view(), debug=True)))
    pay(request)
    paid(request, item, Buy("3298", price=Money("19.99", "EUR")))
    request.state.tracking.grant()
print([event.kind for event in record.events])
"""
    ran = project.run("manage.py", "shell", "-c", code, check=True)
    assert "buy" in ran.stdout, ran.stdout + ran.stderr


#: tests/engines/test_on_commit.py runs it.
RECIPE = find("fleet.md", "listens_for")


def test_every_snippet_has_its_test() -> None:
    tried = {SHOP, SETTINGS, DJANGO_VIEW, IN_A_VIEW, FIELDS, LINKS, BANNER, POST_FORK, OBSERVE, LOGGING, *ALONE, *TOX}
    tried |= {
        WITHIN,
        AFTER,
        RECIPE,
        FAVOURITE,
        A_TEST,
        DJANGO_CLIENT,
        FLASK_CLIENT,
        DJANGO_VIEW_ALONE,
        FLASK_VIEW_ALONE,
    }
    tried |= {snippet for snippet, _ in PROGRAMS.values() if snippet is not None}
    tried |= {one for one in SNIPPETS if one.language == "console"}
    # These have tests of their own.
    elsewhere = {one for one in SNIPPETS if one.page == "localtracker.md" and one.language == "python"}
    elsewhere |= {one for one in SNIPPETS if one.page == "consent.md"}
    assert set(SNIPPETS) - tried - elsewhere == set()
