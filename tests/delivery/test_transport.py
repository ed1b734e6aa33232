"""What goes over the wire, to the byte, and what comes back."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from footfall.delivery.sending.transport import Transport
from footfall.delivery.sending.verdict import NoReply
from footfall.wire import WhenUnanswered, WireReply, WireRequest


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport(timeout=2.0, connections=8)
    yield transport
    transport.close()


@pytest.fixture
def send(transport: Transport, request_to: Any) -> Any:
    def send(path: str = "/", **fields: Any) -> WireReply | NoReply:
        transport.send(1, request_to(path, **fields))
        return wait(transport)

    return send


def wait(transport: Transport) -> WireReply | NoReply:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for _, outcome in transport.wait(0.5):
            return outcome
    raise AssertionError("neither an answer nor a failure in ten seconds")


TARGETS = [
    "/",
    "/api/00000/click/a%2Fb%40x.dk%20%C3%A9/1/123?categorypath=%2FShoes%2FChildren",
    "/a/../b/./c//d",
    "/%2e%2e/%2E%2E",
    "/a;b=c,d'(e)*!~$&+=:@",
    "/?x=1?y=2&&z",
    "/rendered/u/1/128,129,155",
    '/"<>[]{}|^`\\',
    "/%7euser/%zz",
    "//double",
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_request_target_arrives_to_the_byte(target: str, send: Any, sink: Any) -> None:
    """R-09, Y-11: the URL is finished; nobody below rewrites it."""
    assert isinstance(send(target), WireReply)
    assert sink.targets == [target]


def test_a_query_right_behind_the_host_gets_its_slash(send: Any, sink: Any) -> None:
    send(url=f"{sink.url}?p1=visit")
    assert sink.targets == ["/?p1=visit"]


def test_only_the_requests_own_headers_are_sent(send: Any, sink: Any) -> None:
    send(headers=(("Referer", "https://shop.example/"), ("X-Empty", "")))
    names = [name for name, _ in sink.requests[0].headers]
    assert names == ["Host", "Referer", "X-Empty", "User-Agent"]


def test_a_requests_own_user_agent_is_the_only_one(send: Any, sink: Any) -> None:
    send(headers=(("User-Agent", "shop/1.0"),))
    assert [value for name, value in sink.requests[0].headers if name == "User-Agent"] == ["shop/1.0"]


def test_a_post_has_its_body(send: Any, sink: Any) -> None:
    send(method="POST", body=b"\x00\xff{}", headers=(("Content-Type", "application/json"),))
    assert (sink.requests[0].method, sink.requests[0].body) == ("POST", b"\x00\xff{}")
    send()  # on the same handle
    assert (sink.requests[1].method, sink.requests[1].body) == ("GET", b"")


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "ftp://127.0.0.1/"},
        {"url": "file:///etc/passwd"},
        {"url": "no url"},
        {"path": "/a b"},
        {"path": "/a\r\nX-Evil: 1"},
        {"path": "/caf\u00e9"},
        {"headers": (("X", "a\r\nX-Evil: 1"),)},
    ],
)
def test_what_is_no_http_request_is_not_sent(fields: Any, transport: Transport, request_to: Any) -> None:
    with pytest.raises(ValueError, match="not what HTTP allows"):
        transport.send(1, request_to(**fields))


def test_no_proxy_of_the_environment_is_used(send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert isinstance(send(), WireReply)


def test_an_answer_comes_back_with_its_headers_and_the_beginning_of_its_body(
    send: Any, sink: Any, answers: Any
) -> None:
    sink.always(answers.Answer(503, (("Retry-After", "7"), ("X-Y", "z")), b"x" * 3000))
    reply = send()
    assert (reply.status, reply.headers["retry-after"], reply.body) == (503, "7", b"x" * 1024)


def test_a_redirect_is_not_followed(send: Any, sink: Any, answers: Any) -> None:
    """Y-67."""
    sink.always(answers.Answer(302, (("Location", f"{sink.url}/elsewhere"),)))
    assert send("/here").status == 302
    assert sink.targets == ["/here"]


def test_connections_are_kept(send: Any, sink: Any) -> None:
    for _ in range(20):
        send()
    assert sink.connections == 1


def test_an_endless_body_is_cut_off_and_is_an_answer() -> None:
    """Long before the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            with suppress(OSError), listener.accept()[0] as peer:
                peer.settimeout(10)
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                while True:
                    peer.sendall(b"x" * 65536)

        thread = threading.Thread(target=serve)
        thread.start()
        transport = Transport(timeout=60.0, connections=1)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        transport.send(1, WireRequest(tracker="main", kind="click", url=url))
        outcome = wait(transport)
        transport.close()
        thread.join(10)
    assert isinstance(outcome, WireReply)
    assert (outcome.status, len(outcome.body)) == (200, 1024)


def test_an_answer_cut_short_is_an_answer(send: Any, sink: Any, answers: Any) -> None:
    sink.always(answers.Answer(raw=b"HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\nhalf"))
    reply = send()
    assert (reply.status, reply.body) == (400, b"half")


def test_no_listener_means_certainly_not_sent(send: Any, sink: Any) -> None:
    sink.close()
    assert send() == NoReply(sent=False, what="no connection")


def test_an_unknown_host_means_certainly_not_sent(send: Any) -> None:
    outcome = send(url="http://tracker.invalid/")
    assert isinstance(outcome, NoReply)
    assert not outcome.sent


def test_a_tracker_that_does_not_answer_means_sent_and_perhaps_counted(send: Any, sink: Any, answers: Any) -> None:
    sink.always(answers.HANG)
    assert send() == NoReply(sent=True, what="timed out")


@pytest.mark.parametrize("answer", ["CUT", "GARBAGE"])
def test_a_connection_cut_after_the_request_means_sent(answer: str, send: Any, sink: Any, answers: Any) -> None:
    sink.always(getattr(answers, answer))
    outcome = send(when_unanswered=WhenUnanswered.SET_ASIDE)
    assert isinstance(outcome, NoReply)
    assert outcome.sent


def test_a_listener_that_never_accepts_is_given_up(transport: Transport) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        others = [socket.socket() for _ in range(4)]
        for other in others:  # fill its queue
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"
        transport.send(1, WireRequest(tracker="main", kind="click", url=url))
        outcome = wait(transport)
        for other in others:
            other.close()
    assert isinstance(outcome, NoReply)
    assert not outcome.sent


def test_what_must_go_once_is_not_sent_again_by_the_library(send: Any, sink: Any, answers: Any) -> None:
    """A kept connection that dies unanswered makes libcurl repeat a request by itself (T20)."""
    send("/first")
    sink.answer = lambda received: answers.CUT if received.target == "/buy" else answers.OK
    outcome = send("/buy", when_unanswered=WhenUnanswered.SET_ASIDE)
    assert isinstance(outcome, NoReply)
    assert sink.targets == ["/first", "/buy"]


@pytest.fixture
def tls_tracker(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A tracker that speaks TLS as 127.0.0.1; its URL, and the file that certifies it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tracker.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    own = tmp_path / "tracker.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = certificate.public_bytes(Encoding.PEM)
    own.write_bytes(private + public)
    (tmp_path / "certificate.pem").write_bytes(public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            with suppress(OSError), listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/", str(tmp_path / "certificate.pem")
        thread.join(10)


def test_a_tracker_with_a_trusted_certificate_is_told_over_tls(
    tls_tracker: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, bundle = tls_tracker
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    transport = Transport(timeout=5.0, connections=1)
    transport.send(1, WireRequest(tracker="main", kind="click", url=url))
    outcome = wait(transport)
    transport.close()
    assert isinstance(outcome, WireReply)


def test_a_tracker_with_an_unknown_certificate_is_told_nothing(
    tls_tracker: tuple[str, str], transport: Transport
) -> None:
    transport.send(1, WireRequest(tracker="main", kind="click", url=tls_tracker[0]))
    assert wait(transport) == NoReply(sent=False, what="the tracker's certificate is not trusted")


def test_a_tracker_that_speaks_no_tls_is_told_nothing(sink: Any, answers: Any, until: Any) -> None:
    transport = Transport(timeout=0.5, connections=1)
    transport.send(1, WireRequest(tracker="main", kind="click", url=sink.url.replace("http:", "https:") + "/"))
    outcome = wait(transport)
    transport.close()
    assert isinstance(outcome, NoReply)
    assert not outcome.sent


class Proxy:
    """Opens tunnels, or refuses to; notes what it was asked."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connected\r\nX-Proxy: yes\r\n\r\n") -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://me:s3cret@127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._tunnel, args=(self._listener.accept()[0],), daemon=True).start()

    def _tunnel(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            self.asked.append(client.recv(4096))
            client.sendall(self._answer)
            if b" 200 " not in self._answer:
                return
            host, _, port = self.asked[-1].split(b" ")[1].decode().rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                server.sendall(client.recv(4096))
                client.sendall(server.recv(4096))


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


def sent_through(proxy: str | None, request: WireRequest) -> WireReply | NoReply:
    transport = Transport(timeout=2.0, connections=1, proxy=proxy)
    transport.send(1, request)
    outcome = wait(transport)
    transport.close()
    return outcome


def test_a_request_goes_through_the_named_proxy_to_the_byte(
    proxy: Proxy, request_to: Any, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")  # of the environment nothing counts
    outcome = sent_through(proxy.url, request_to("/a/../b?c=%2F"))
    assert isinstance(outcome, WireReply)
    assert "x-proxy" not in outcome.headers
    assert (sink.targets, proxy.asked[0].startswith(b"CONNECT 127.0.0.1:")) == (["/a/../b?c=%2F"], True)
    assert not [name for name, _ in sink.requests[0].headers if name.lower().startswith("proxy")]


@pytest.mark.parametrize("exempt", ["", "127.0.0.1"])
def test_the_environments_proxy_is_used_when_asked_for_but_where_it_says_none(
    exempt: str, proxy: Proxy, request_to: Any, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("NO_PROXY", exempt)
    assert isinstance(sent_through("environment", request_to("/1")), WireReply)
    assert (len(proxy.asked), sink.targets) == (0 if exempt else 1, ["/1"])


def test_what_a_proxy_refuses_was_certainly_not_sent(request_to: Any, sink: Any) -> None:
    proxy = Proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    outcome = sent_through(proxy.url, request_to("/1"))
    proxy.close()
    assert (outcome, sink.requests) == (NoReply(False, "the proxy answered 407"), [])


def test_a_delivery_goes_through_its_proxy(proxy: Proxy, make_delivery: Any, request_to: Any, sink: Any) -> None:
    delivery = make_delivery(proxy=proxy.url)
    assert delivery.accept([request_to("/1")])
    assert delivery.flush(10) == 0
    assert (len(proxy.asked), sink.targets) == (1, ["/1"])
