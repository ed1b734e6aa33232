"""A request as a browser makes it, and the headers it gets: a site asked without any door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qs, urlsplit

from footfall import Config, Site, Tracking
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.events import Click
from footfall.request import RequestView
from footfall.testing import Recorder, numbered_ids, recording
from footfall.trackers import Raptor, Yoochoose
from footfall.wsgi import edit_headers

ANNA = "anna@shop.example"
KEY = "a key of thirty-two letters, say"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
NOWHERE = "http://127.0.0.1:9"  # what a test forgot to record leads nowhere
MADE: list[Site] = []  #: the sites that tests made; `tests/conftest.py` closes each after its test

Headers = list[tuple[str, str]]

#: What a browser says of a page that a person opens.
PAGE: Mapping[str, str] = {
    "user-agent": FIREFOX,
    "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "sec-fetch-site": "none",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
}
#: What it says of a script's call to the page's own origin.
SCRIPT: Mapping[str, str] = {
    "user-agent": FIREFOX,
    "accept": "*/*",
    "sec-fetch-site": "same-origin",
    "sec-fetch-mode": "cors",
    "sec-fetch-dest": "empty",
}
#: What it says when a payment provider sends the visitor back by a form.
PAYMENT_RETURN: Mapping[str, str] = {**PAGE, "sec-fetch-site": "cross-site", "origin": "https://pay.example"}

DEVICE = "0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11"
SESSION = "7c4f1f6e-2a44-4b0e-8f7e-1d2c3b4a5968"
#: What a browser sends on its second page.
KNOWN = f"rsa={DEVICE}; rsaSession={SESSION}; rsaSessionOpen=1"


def guid(number: int) -> str:
    """The id that a site of `make_site` mints as its first, second..."""
    return f"00000000-0000-4000-8000-{number:012d}"


def view(
    url: str = "https://www.shop.example/shirt",
    *,
    method: str = "GET",
    headers: Mapping[str, str] = PAGE,
    cookie: str | None = None,
    host: str | None = None,
) -> RequestView:
    """Make a request; *host* replaces the one in the address."""
    address = urlsplit(url)
    every = dict(headers) if cookie is None else {**headers, "cookie": cookie}
    return RequestView(
        method=method,
        scheme=address.scheme,
        host=address.netloc if host is None else host,
        path=address.path,
        query=address.query,
        header=every.get,
    )


def make_site(**settings: object) -> Site:
    """A site whose visitors all consent, with both trackers and nothing on disk."""
    given: dict[str, object] = {"consent": always_granted, "secret_keys": (KEY,), **settings}
    site = Site(
        Config(**given),  # type: ignore[arg-type]  # a Config looks at each itself
        [Raptor("12345", base_url=NOWHERE), Yoochoose("00000", base_url=NOWHERE)],
        delivery=Delivery("memory:"),
        new_id=numbered_ids(),
    )
    MADE.append(site)
    return site


def respond(
    site: Site,
    request: RequestView,
    do: Callable[[Tracking], object] = id,
    *,
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
    framework: Callable[[], object] | None = None,
) -> Headers:
    """Serve one request: *do* is its view; returns the headers that the browser gets."""
    tracking = site.begin(request, request=framework)
    do(tracking)
    given = list(headers)
    edit = tracking.finish(status, given)
    return given if edit is None else edit_headers(given, edit)


def set_cookies(headers: Headers) -> list[str]:
    """The cookie lines of a response."""
    return [value for name, value in headers if name.lower() == "set-cookie"]


def all_of(headers: Headers, name: str) -> list[str]:
    """The values of one of a response's headers."""
    return [value for one, value in headers if one.lower() == name.lower()]


CLICK = Click("1")

View = Callable[[Tracking], object]


def emit(tracking: Tracking) -> None:
    tracking.emit(CLICK)


def identify(tracking: Tracking) -> None:
    tracking.identify(ANNA)


def in_turn(*steps: View) -> View:
    """A view that does one thing after another."""

    def do(tracking: Tracking) -> None:
        for step in steps:
            step(tracking)

    return do


def cookies(site: Site, request: RequestView, do: View = id, *, status: int = 200) -> dict[str, str]:
    """What a response makes the browser keep, by name; an expired one is ""."""
    lines = [line.partition(";")[0] for line in set_cookies(respond(site, request, do, status=status))]
    return dict(line.split("=", 1) for line in lines)


def reported(site: Site, request: RequestView, do: View = emit) -> Recorder:
    """What is reported of one request."""
    with recording(site) as recorder:
        respond(site, request, do)
    return recorder


def raptor(recorder: Recorder) -> list[dict[str, list[str]]]:
    """The parameters of the requests to Raptor."""
    return [parse_qs(urlsplit(one.url).query) for one in recorder.requests if one.tracker == "raptor"]


def yoochoose(recorder: Recorder) -> list[str]:
    """The paths of the requests to YOOCHOOSE."""
    return [
        urlsplit(one.url).path.removeprefix("/api/00000") for one in recorder.requests if one.tracker == "yoochoose"
    ]
