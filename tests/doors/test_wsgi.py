"""The WSGI door keeps to PEP 3333, and to one visitor a response."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from tests.doors.conftest import MakeWatched, Watched
from tests.doors.drivers import call_wsgi
from tests.doors.exchange import Headers, Request, Response, guid
from tests.doors.rows import ANNA, KNOWN, ids
from tests.doors.shops import get
from tests.doors.test_table import opened

from footfall import current_tracking
from footfall.events import Click
from footfall.wsgi import TrackingMiddleware

HTML = ("Content-Type", "text/html")
Start = Callable[..., Callable[[bytes], object]]


class Server:
    """What a server's side of the protocol sees, in order."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def start_response(self, status: str, headers: Headers, *exc_info: Any) -> Callable[[bytes], object]:
        self.seen.append((status, headers, exc_info))
        return self.seen.append

    @property
    def headers(self) -> Headers:
        found: Headers = self.seen[0][1]
        return found

    @property
    def cookies(self) -> list[str]:
        return [opened(value) for name, value in self.headers if name == "Set-Cookie"]


def app(environ: Any, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [HTML])
    return [b"a shirt"]


def fail() -> None:
    raise RuntimeError("the application's own")


# Never one visitor's id on another's response


def test_a_hundred_visitors_at_once_each_get_their_own_id_whatever_the_application_reuses(watched: Watched) -> None:
    headers = [HTML]
    together = threading.Barrier(10)

    def reusing(environ: Any, start_response: Start) -> Iterable[bytes]:
        together.wait(10)
        start_response("200 OK", headers)
        together.wait(10)
        tracking = current_tracking()
        assert tracking is environ["footfall.tracking"]
        assert tracking is not None
        return [(tracking.device_id or "").encode()]

    door = TrackingMiddleware(reusing, watched.site)

    def visit(number: int) -> Response:
        known = f"rsa={guid(900 + number)}; rsaSession={guid(700 + number)}; rsaSessionOpen=1"
        return call_wsgi(door, Request(cookies=(known,) if number % 2 else ()))

    with ThreadPoolExecutor(10) as pool:
        responses = list(pool.map(visit, range(100)))

    for number, response in enumerate(responses):
        device = response.body.decode()
        if number % 2:
            assert device == guid(900 + number)
        assert [line.partition(";")[0] for line in response.all("set-cookie")][0::2] == [
            f"rsa={device}",
            "rsaSessionOpen=1",
        ]
        assert len(response.all("set-cookie")) == 3
    assert len({response.body for response in responses}) == 100
    assert headers == [HTML]


# When the response starts


def test_what_a_view_learns_after_start_response_is_on_its_cookies(watched: Watched) -> None:
    def late(environ: Any, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [HTML])
        environ["footfall.tracking"].identify("anna@shop.example")
        return [b"a shirt"]

    server = Server()
    TrackingMiddleware(late, watched.site)(Request().environ(), server.start_response)
    assert server.cookies == [*ids(guid(1), guid(2)), ANNA]


def test_a_generator_that_starts_its_response_late_gets_its_cookies(watched: Watched) -> None:
    def generator(environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield b"a shirt"

    server = Server()
    body = TrackingMiddleware(generator, watched.site)(Request().environ(), server.start_response)
    assert server.seen == []
    assert list(body) == [b"a shirt"]
    assert server.cookies == ids(guid(1), guid(2))


def test_a_generator_without_a_start_starts_nothing(watched: Watched) -> None:
    server = Server()
    door = TrackingMiddleware(lambda environ, start_response: iter(()), watched.site)
    assert list(door(Request().environ(), server.start_response)) == []
    assert server.seen == []


def test_what_is_written_comes_after_the_headers(watched: Watched) -> None:
    def writer(environ: Any, start_response: Start) -> Iterable[bytes]:
        write = start_response("200 OK", [HTML])
        write(b"a ")
        write(b"shirt")
        return []

    server = Server()
    TrackingMiddleware(writer, watched.site)(Request().environ(), server.start_response)
    assert server.seen[1:] == [b"a ", b"shirt"]
    assert server.cookies == ids(guid(1), guid(2))


def test_an_error_that_replaces_a_response_is_started_once(watched: Watched) -> None:
    def failing(environ: Any, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [HTML])
        try:
            fail()
        except RuntimeError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"oops"]

    server = Server()
    TrackingMiddleware(failing, watched.site)(Request().environ(), server.start_response)
    ((status, headers, (exc_info,)),) = server.seen
    assert (status, headers[0], exc_info[0]) == ("500 Oops", ("Content-Type", "text/plain"), RuntimeError)
    assert server.cookies == ids(guid(1), guid(2))


def test_exc_info_may_come_by_its_name_as_wsgirefs_own_takes_it(watched: Watched) -> None:
    def app(environ: Any, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [HTML])
        try:
            fail()
        except RuntimeError:
            start_response("500 Oops", [HTML], exc_info=sys.exc_info())
        return [b""]

    server = Server()
    list(TrackingMiddleware(app, watched.site)(Request().environ(), server.start_response))
    ((status, _, (exc_info,)),) = server.seen
    assert (status, exc_info[0]) == ("500 Oops", RuntimeError)


@pytest.mark.parametrize(
    ("first", "headers"), [("304 Not Modified", []), ("200 OK", [HTML, ("Cache-Control", "public, max-age=60")])]
)
def test_an_errors_response_carries_cookies_that_the_first_could_not(
    watched: Watched, first: str, headers: Headers
) -> None:
    def app(environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response(first, headers)
        try:
            fail()
        except RuntimeError:
            start_response("500 Oops", [HTML], sys.exc_info())
        yield b"oops"

    server = Server()
    visit = Request(cookies=(KNOWN,)).environ()
    list(TrackingMiddleware(app, watched.site)(visit, server.start_response))
    status, sent, _ = next(one for one in reversed(server.seen) if isinstance(one, tuple))
    assert (status, sum(name == "Set-Cookie" for name, _ in sent)) == ("500 Oops", 3)


def test_an_error_after_the_start_is_the_servers_to_judge(watched: Watched) -> None:
    def failing(environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield b"a "
        try:
            fail()
        except RuntimeError:
            start_response("500 Oops", [HTML], sys.exc_info())
        yield b"oops"

    server = Server()
    list(TrackingMiddleware(failing, watched.site)(Request().environ(), server.start_response))
    assert [(status, len(exc_info)) for status, _, exc_info in server.seen] == [("200 OK", 0), ("500 Oops", 1)]


class Failing:
    """A body that starts an error's response before its first byte, as PEP 3333 lets it."""

    def __init__(self, start_response: Start, headers: Headers) -> None:
        self._start_response = start_response
        self._headers = headers

    def __iter__(self) -> Iterator[bytes]:
        try:
            fail()
        except RuntimeError:
            self._start_response("500 Oops", self._headers, sys.exc_info())
        yield b"oops"


def started_anew(watched: Watched, first: Headers, second: Headers) -> list[Headers]:
    """Serve an application whose response fails after it was started; the headers of both, as the server is told."""

    def failing(environ: Any, start_response: Start) -> Iterable[bytes]:
        assert environ["footfall.tracking"].device_id
        start_response("200 OK", first)
        return Failing(start_response, second)

    server = Server()
    list(TrackingMiddleware(failing, watched.site)(Request().environ(), server.start_response))
    assert [status for status, *_ in server.seen] == ["200 OK", "500 Oops"]
    return [headers for _, headers, _ in server.seen]


def test_an_error_before_the_first_byte_has_the_cookies_of_the_response_that_it_replaces(watched: Watched) -> None:
    first, second = started_anew(watched, [HTML], [("Cache-Control", "max-age=60")])
    assert [line for line in second if line[0] == "Set-Cookie"] == [line for line in first if line[0] == "Set-Cookie"]
    assert [opened(value) for name, value in second if name == "Set-Cookie"] == ids(guid(1), guid(2))
    assert [value for name, value in second if name == "Cache-Control"] == ["private, max-age=60"]
    assert [value for name, value in second if name == "Vary"] == ["Cookie"]


def test_an_error_for_shared_caches_carries_no_cookie(watched: Watched) -> None:
    _, second = started_anew(watched, [HTML], [("Cache-Control", "public")])
    assert [name for name, _ in second] == ["Cache-Control", "Vary"]


def test_an_error_out_of_a_generator_before_its_first_byte_is_started_once(watched: Watched) -> None:
    def failing(environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        try:
            fail()
        except RuntimeError:
            start_response("500 Oops", [HTML], sys.exc_info())
        yield b"oops"

    server = Server()
    list(TrackingMiddleware(failing, watched.site)(Request().environ(), server.start_response))
    assert [status for status, *_ in server.seen] == ["500 Oops"]
    assert server.cookies == ids(guid(1), guid(2))


@pytest.mark.parametrize("kind", ["started", "generator"])
def test_a_real_server_sends_the_errors_response_with_our_cookies(kind: str, watched: Watched) -> None:
    def generator(environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield from Failing(start_response, [HTML])

    def started(environ: Any, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [HTML])
        return Failing(start_response, [HTML])

    door = TrackingMiddleware(started if kind == "started" else generator, watched.site)
    with make_server("127.0.0.1", 0, door, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        page = get(server.server_port)
        thread.join(10)
    assert (page.status, list(page.cookies)) == (500, ["rsa", "rsaSession", "rsaSessionOpen"])


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None: ...


def test_a_server_that_takes_two_arguments_is_given_two(watched: Watched) -> None:
    started: list[str] = []
    TrackingMiddleware(app, watched.site)(Request().environ(), lambda status, headers: started.append(status))  # type: ignore[arg-type]
    assert started == ["200 OK"]


def test_two_starts_without_an_error_are_refused(watched: Watched) -> None:
    def twice(environ: Any, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [HTML])
        start_response("200 OK", [HTML])
        return []

    with pytest.raises(AssertionError, match="twice"):
        TrackingMiddleware(twice, watched.site)(Request().environ(), Server().start_response)


def test_an_exception_passes_starts_nothing_and_leaves_nobody_behind(watched: Watched) -> None:
    error = RuntimeError("the application's own")

    def failing(environ: Any, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [HTML])
        raise error

    server = Server()
    with pytest.raises(RuntimeError) as caught:
        TrackingMiddleware(failing, watched.site)(Request().environ(), server.start_response)
    assert (caught.value, server.seen, current_tracking()) == (error, [], None)


# What passes untouched


def test_the_servers_own_file_wrapper_comes_back_as_the_same_object(watched: Watched, tmp_path: Any) -> None:
    path = tmp_path / "shirt"
    path.write_bytes(b"a shirt")
    with path.open("rb") as file:
        wrapper = FileWrapper(file)

        def sending(environ: Any, start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [HTML])
            return wrapper

        assert TrackingMiddleware(sending, watched.site)(Request().environ(), Server().start_response) is wrapper


def test_both_sides_of_the_door_keep_to_pep_3333(watched: Watched) -> None:
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT": "text/html", "HTTP_USER_AGENT": "Firefox"}
    setup_testing_defaults(environ)
    environ["QUERY_STRING"] = "a=1"
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
        started.append((status, headers))
        return lambda data: None

    body = validator(TrackingMiddleware(validator(app), watched.site))(environ, start_response)
    try:
        assert list(body) == [b"a shirt"]
    finally:
        body.close()  # type: ignore[attr-defined]
    assert [name for name, _ in started[0][1]].count("Set-Cookie") == 3


@pytest.mark.parametrize("missing", ["QUERY_STRING", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO", "HTTP_USER_AGENT"])
def test_what_a_server_may_leave_out_may_be_missing(missing: str, watched: Watched) -> None:
    environ = Request().environ()
    del environ[missing]
    assert call_wsgi(TrackingMiddleware(app, watched.site), Request(), environ).status == 200


# Where the tracking is found


def test_of_two_installations_the_outermost_has_the_request(watched: Watched) -> None:
    door = TrackingMiddleware(TrackingMiddleware(app, watched.site), watched.site)
    assert call_wsgi(door, Request()).all("set-cookie") == ids(guid(1), guid(2))


def test_the_body_of_a_response_runs_outside_of_the_request_and_is_nobodys(watched: Watched) -> None:
    found: list[Any] = []

    def generator(environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        found.append(current_tracking())
        yield b"a shirt"

    call_wsgi(TrackingMiddleware(generator, watched.site), Request())
    assert [*found, current_tracking()] == [None, None]


def test_an_event_out_of_a_streaming_body_goes_and_a_late_identity_is_one_warning(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    def generator(environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield b"a "
        for _ in range(2):
            environ["footfall.tracking"].identify("anna@shop.example")
        environ["footfall.tracking"].emit(Click("3298"))
        yield b"shirt"

    with caplog.at_level(logging.WARNING, "footfall"):
        response = call_wsgi(TrackingMiddleware(generator, watched.site), Request())
    assert response.all("set-cookie") == ids(guid(1), guid(2))
    assert "ruid=YW5uYUBzaG9wLmV4YW1wbGU%3D" in watched.reported.requests[0].url
    assert [record.getMessage() for record in caplog.records] == [
        "identify() came after the response had started: no cookie can tell of it"
    ]


def test_user_id_gets_the_environ_even_from_a_streaming_body(watch: MakeWatched) -> None:
    seen: list[Any] = []
    watched = watch(site={"user_id": lambda environ: seen.append(environ["PATH_INFO"])})

    def generator(environ: Any, start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        environ["footfall.tracking"].emit(Click("3298"))
        yield b"a shirt"

    call_wsgi(TrackingMiddleware(generator, watched.site), Request())
    assert seen == ["/shirt"]
