"""The ASGI door keeps to the protocol, and to one visitor a response."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from tests.doors.conftest import MakeWatched, Watched
from tests.doors.drivers import call_asgi
from tests.doors.exchange import Request, Response, guid
from tests.doors.rows import ALICE, KNOWN, VISIT, both, ids

from footfall import Tracking, current_tracking
from footfall.asgi import TrackingMiddleware
from footfall.events import Click

Message = dict[str, Any]
START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]}
BODY: Message = {"type": "http.response.body", "body": b"a shirt"}


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def discard(message: Any) -> None: ...


def run(app: Any, scope: Message | None = None) -> list[Message]:
    """Run one connection and return the very messages that were sent."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(Request().scope() if scope is None else scope, receive, send))
    return sent


def answering(*messages: Message) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def websocket_scope(**changes: Any) -> Message:
    headers = [(b"host", b"www.shop.example"), (b"cookie", KNOWN.encode()), (b"user-agent", b"Mozilla/5.0 Firefox")]
    scope = {
        "type": "websocket",
        "scheme": "wss",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": headers,
    }
    return {**scope, **changes}


# Never one visitor's id on another's response


def test_a_hundred_visitors_at_once_each_get_their_own_id_whatever_the_application_reuses(watched: Watched) -> None:
    headers = [(b"content-type", b"text/html")]
    start = {"type": "http.response.start", "status": 200, "headers": headers}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        expected = scope["state"]["tracking"].device_id
        await asyncio.sleep(0)
        assert current_tracking() is scope["state"]["tracking"]
        await send(start)
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": expected.encode()})

    door = TrackingMiddleware(app, watched.site)

    async def visit(number: int) -> Response:
        sent: list[Message] = []

        async def send(message: Any) -> None:
            await asyncio.sleep(0)
            sent.append(message)

        known = f"rsa={guid(900 + number)}; rsaSession={guid(700 + number)}; rsaSessionOpen=1"
        await door(Request(cookies=(known,) if number % 2 else ()).scope(), receive, send)
        lines = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        return Response(status=200, headers=lines, body=sent[1]["body"])

    async def visit_all() -> list[Response]:
        return await asyncio.gather(*map(visit, range(100)))

    devices: set[str] = set()
    for number, response in enumerate(asyncio.run(visit_all())):
        device = response.body.decode()
        devices.add(device)
        if number % 2:
            assert device == guid(900 + number)
        assert [line.partition(";")[0] for line in response.all("set-cookie")][0::2] == [
            f"rsa={device}",
            "rsaSessionOpen=1",
        ]
        assert len(response.all("set-cookie")) == 3
    assert len(devices) == 100
    assert headers == [(b"content-type", b"text/html")]
    assert start == {"type": "http.response.start", "status": 200, "headers": headers}


# What passes untouched


def test_the_application_gets_the_very_scope_of_the_server(watched: Watched) -> None:
    scope = Request().scope()
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    run(TrackingMiddleware(app, watched.site), scope)
    assert seen[0] is scope


def test_headers_may_be_any_iterable_and_a_state_may_be_none(watched: Watched) -> None:
    scope = Request().scope()
    lines = scope["headers"]
    scope |= {"headers": iter(lines), "state": None}
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((list(scope["headers"]), scope["state"]["tracking"].device_id))

    run(TrackingMiddleware(app, watched.site), scope)
    assert seen == [(list(lines), guid(1))]


def test_a_state_of_the_servers_keeps_its_values(watched: Watched) -> None:
    state = {"database": object()}
    run(TrackingMiddleware(answering(START, BODY), watched.site), {**Request().scope(), "state": state})
    assert set(state) == {"database", "tracking"}


@pytest.mark.parametrize("kind", ["http.response.debug", "http.response.early_hint", "http.response.push"])
def test_a_message_before_the_start_passes_as_the_same_object(kind: str, watched: Watched) -> None:
    message = {"type": kind, "headers": [], "links": [b"</style.css>"]}
    sent = run(TrackingMiddleware(answering(message, START, BODY), watched.site))
    assert sent[0] is message


def test_what_follows_the_start_passes_as_the_same_objects(watched: Watched) -> None:
    after = [
        {"type": kind} for kind in ("http.response.pathsend", "http.response.zerocopysend", "http.response.trailers")
    ]
    sent = run(TrackingMiddleware(answering(START, BODY, *after), watched.site))
    assert [message is other for message, other in zip(sent[1:], [BODY, *after], strict=True)] == [True] * 4


def test_a_start_that_changes_nothing_passes_as_the_same_object(watch: MakeWatched) -> None:
    sent = run(TrackingMiddleware(answering(START, BODY), watch(consent=None).site))
    assert sent[0] is START


def test_a_second_start_is_left_for_the_server_to_refuse(watched: Watched) -> None:
    sent = run(TrackingMiddleware(answering(START, START), watched.site))
    assert sent[1] is START


def test_other_keys_of_the_start_survive(watched: Watched) -> None:
    sent = run(TrackingMiddleware(answering({**START, "trailers": True, "x": 1}, BODY), watched.site))
    assert (sent[0]["trailers"], sent[0]["x"]) == (True, 1)


def test_an_application_that_sends_nothing_sends_nothing(watched: Watched) -> None:
    assert run(TrackingMiddleware(answering(), watched.site)) == []


def test_the_return_value_passes(watched: Watched) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> Any:
        return "returned"

    door: Any = TrackingMiddleware(app, watched.site)
    assert asyncio.run(door(Request().scope(), receive, discard)) == "returned"


def test_an_exception_passes_and_leaves_nobody_behind(watched: Watched) -> None:
    error = RuntimeError("the application's own")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise error

    async def visit() -> Tracking | None:
        with pytest.raises(RuntimeError) as caught:
            await TrackingMiddleware(app, watched.site)(Request().scope(), receive, discard)
        assert caught.value is error
        return current_tracking()

    assert asyncio.run(visit()) is None


@pytest.mark.parametrize("kind", ["lifespan.later", "mqtt"])
def test_an_unknown_kind_of_connection_passes_with_the_very_same_objects(kind: str, watched: Watched) -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.extend(given)

    given = ({"type": kind}, receive, discard)
    asyncio.run(TrackingMiddleware(app, watched.site)(*given))
    assert all(one is other for one, other in zip(seen, given, strict=True))
    assert given[0] == {"type": kind}


def test_lifespan_messages_pass_and_the_site_is_flushed_before_the_shutdown_is_complete(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[Any] = []
    monkeypatch.setattr(watched.site.delivery, "flush", lambda timeout: log.append(("flush", timeout)))
    messages = [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]

    async def send(message: Any) -> None:
        log.append(message)

    asyncio.run(TrackingMiddleware(answering(*messages), watched.site)({"type": "lifespan"}, receive, send))
    assert log == [messages[0], ("flush", 2.0), messages[1]]


# What an application may send


@pytest.mark.parametrize(
    "headers",
    [None, [], (), [[b"Content-Type", b"text/html"]], ((b"content-type", b"text/html"),)],
    ids=["none", "empty list", "empty tuple", "lists", "tuples"],
)
def test_headers_of_any_form_get_ours_after_them(headers: Any, watched: Watched) -> None:
    start = {"type": "http.response.start", "status": 200}
    sent = run(
        TrackingMiddleware(answering(start if headers is None else {**start, "headers": headers}, BODY), watched.site)
    )
    got = [tuple(line) for line in sent[0]["headers"]]
    own = len(headers or ())
    assert got[:own] == [tuple(line) for line in headers or ()]
    assert [name for name, _ in got[own:]] == [b"cache-control", *[b"set-cookie"] * 3]


@pytest.mark.parametrize("consent", [None, "granted"])
def test_headers_from_an_iterator_are_not_lost(consent: str | None, watch: MakeWatched) -> None:
    site = watch(**({"consent": None} if consent is None else {})).site
    start = {"type": "http.response.start", "status": 200, "headers": iter([(b"content-type", b"text/html")])}
    sent = run(TrackingMiddleware(answering(start, BODY), site))
    assert next(iter(sent[0]["headers"])) == (b"content-type", b"text/html")


def test_a_request_without_headers_is_served(watched: Watched) -> None:
    scope = Request().scope()
    del scope["headers"]
    assert run(TrackingMiddleware(answering(START, BODY), watched.site), scope) == [START, BODY]


def test_the_start_is_not_held_back(watched: Watched) -> None:
    arrived: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        arrived.append("sent")
        await send(BODY)

    async def send(message: Any) -> None:
        arrived.append(message["type"])

    asyncio.run(TrackingMiddleware(app, watched.site)(Request().scope(), receive, send))
    assert arrived == ["http.response.start", "sent", "http.response.body"]


def test_an_event_out_of_a_streaming_body_goes_and_a_late_identity_is_one_warning(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for _ in range(2):
            scope["state"]["tracking"].identify("anna@shop.example")
        scope["state"]["tracking"].emit(Click("3298"))
        await send(BODY)

    with caplog.at_level(logging.WARNING, "footfall"):
        sent = run(TrackingMiddleware(app, watched.site))
    assert [value.decode() for name, value in sent[0]["headers"] if name == b"set-cookie"] == ids(guid(1), guid(2))
    assert "ruid=YW5uYUBzaG9wLmV4YW1wbGU%3D" in watched.reported.requests[0].url
    assert [record.getMessage() for record in caplog.records] == [
        "identify() came after the response had started: no cookie can tell of it"
    ]


def test_a_page_that_lies_encoded_is_redirected_to_byte_for_byte(watch: MakeWatched) -> None:
    door = TrackingMiddleware(answering(START, BODY), watch(strip_query_ids=True).site)
    request = Request(url="https://www.shop.example/a%2Fb%20c/%C3%B8?x=%2f&reaid=r1")
    assert call_asgi(door, request).all("location") == ["/a%2Fb%20c/%C3%B8?x=%2f"]


# Where the tracking is found


def test_of_two_installations_the_outermost_has_the_request(watched: Watched) -> None:
    def app() -> Any:
        return TrackingMiddleware(TrackingMiddleware(answering(START, BODY), watched.site), watched.site)

    assert call_asgi(app(), Request()).all("set-cookie") == ids(guid(1), guid(2))


def test_a_task_started_by_the_view_finds_its_tracking(watched: Watched) -> None:
    found: list[Any] = []

    async def look() -> None:
        found.append(current_tracking())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.create_task(look())
        found.append(await asyncio.to_thread(current_tracking))
        found.append(scope["state"]["tracking"])

    run(TrackingMiddleware(app, watched.site))
    assert found[0] is found[1] is found[2] is not None


def test_outside_of_a_request_there_is_no_tracking(watched: Watched) -> None:
    async def visit() -> Tracking | None:
        await TrackingMiddleware(answering(START, BODY), watched.site)(Request().scope(), receive, discard)
        return current_tracking()

    assert asyncio.run(visit()) is None


def test_user_id_gets_a_request_that_is_a_mapping_too(watch: MakeWatched) -> None:
    seen: list[Any] = []
    watched = watch(site={"user_id": lambda request: seen.append((request.url.path, request["type"]))})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["state"]["tracking"].user_id is None

    run(TrackingMiddleware(app, watched.site))
    assert seen == [("/shirt", "http")]


# WebSockets


@pytest.mark.parametrize("scope", [websocket_scope(), websocket_scope(scheme="https")], ids=["wss", "upgraded"])
def test_a_websocket_reads_ids_and_emits_and_writes_nothing(scope: Message, watched: Watched) -> None:
    accept = {"type": "websocket.accept", "headers": []}
    read: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        tracking = scope["state"]["tracking"]
        read.extend([tracking.device_id, tracking.session_id])
        tracking.emit(Click("3298"))
        await send(accept)

    sent = run(TrackingMiddleware(app, watched.site), scope)
    assert read == [ALICE, VISIT]
    assert [request.url for request in watched.reported.requests] == both(ALICE, VISIT)
    assert sent[0] is accept
    assert accept["headers"] == []


def test_a_websocket_of_a_newcomer_mints_nothing_though_its_server_leaves_out_the_scheme(watched: Watched) -> None:
    scope = websocket_scope(headers=[(b"host", b"www.shop.example"), (b"accept", b"text/html"), (b"user-agent", b"F")])
    del scope["scheme"]
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope["state"]["tracking"].device_id)

    run(TrackingMiddleware(app, watched.site), scope)
    assert found == [None]


def test_a_denied_websocket_gets_no_cookie(watched: Watched) -> None:
    denial = {"type": "websocket.http.response.start", "status": 403, "headers": []}
    sent = run(TrackingMiddleware(answering(denial), watched.site), websocket_scope())
    assert sent[0] is denial
