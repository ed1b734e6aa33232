"""A local tracker, a client that sends requests to it as they are written, and its page in a real browser."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.conftest import Program

from footfall.localtracker import LocalTracker

DEVICE = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
SESSION = "E7B3A1C2-0F4D-4E5A-9B8C-1D2E3F4A5B6C"
IDS = f"coid={DEVICE}&sid={SESSION}"
VISIT = f"/12345.rsa?p1=visit&p2=3298&{IDS}"
CLICK = "/api/00000/click/Js79009234YU7/1/123?categorypath=%2FShoes%2FChildren"

#: Opens the local tracker's page at a view (``#journey=...``); in the dark, or on a narrow screen.
OpenPage = Callable[..., Page]


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """Sends requests to a local tracker as they are written, over a real socket."""

    tracker: LocalTracker

    def send(
        self, target: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Answer:
        connection = http.client.HTTPConnection(self.tracker.url.removeprefix("http://"), timeout=10)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body.encode() if body else None)
            reply = connection.getresponse()
            return Answer(reply.status, reply.read().decode(), {k.lower(): v for k, v in reply.getheaders()})
        finally:
            connection.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalTracker]:
    with LocalTracker() as tracker:
        yield tracker


@pytest.fixture
def tracker(shared: LocalTracker) -> LocalTracker:
    shared.clear()
    shared.faults.mend()
    return shared


@pytest.fixture
def client(tracker: LocalTracker) -> Client:
    return Client(tracker)


@pytest.fixture(scope="module")
def chromium(program: Program) -> Iterator[Browser]:
    """A browser, for the tests of one module: while it is open its own event loop runs in this thread."""
    path = program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, tracker: LocalTracker) -> Iterator[OpenPage]:
    """Open the page; a test in which it logs an error, or asks for anything elsewhere, fails."""
    trouble: list[str] = []
    contexts = []

    def note_request(url: str) -> None:
        if not url.startswith(tracker.url):
            trouble.append("asked for something elsewhere")

    def note_error(text: str) -> None:
        if "status of 400" not in text:  # the page shows what was asked wrongly; Chromium logs that it was
            trouble.append(text)

    def open_one(view: str = "", *, dark: bool = False, narrow: bool = False, checked: bool = False) -> Page:
        context = chromium.new_context(
            color_scheme="dark" if dark else "light",
            viewport={"width": 390, "height": 800} if narrow else {"width": 1280, "height": 850},
            bypass_csp=checked,  # the checker is a script of its own
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: note_error(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: note_request(request.url))
        page.goto(f"{tracker.url}/{view}")
        page.locator("#connection.live").wait_for()
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert trouble == []
