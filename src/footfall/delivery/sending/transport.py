"""Sends finished requests to the last byte, many at once, on connections that are kept; every wait is bounded."""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pycurl

from footfall.delivery.native import native
from footfall.delivery.sending.verdict import NoReply
from footfall.delivery.settings import ENVIRONMENT
from footfall.wire import WhenUnanswered, WireReply, WireRequest

__all__ = ["Transport"]

_BODY_BYTES = 1024  # of an answer that are kept
_BODY_LIMIT = 65536  # of an answer that are read; then the connection is cut
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_URL_LIMIT = 1_000_000  # libcurl's own bound on a request's head lies a little above, and it takes that for bad luck
_NOT_SENT = "cannot be sent: its URL or a header is not what HTTP allows"
_TOO_LONG = "cannot be sent: its URL is longer than any server takes"

# A server, then anything printable up to a fragment, which stays at home.
_URL = re.compile(r"""(https?://[!"$-.0->@-~]+)((?:[/?][!"$-~]*)?)(?:#.*)?""", re.IGNORECASE)
_NO_HEADERS: Mapping[str, str] = {}

_WHAT = {
    pycurl.E_COULDNT_RESOLVE_HOST: "no such host",
    pycurl.E_COULDNT_CONNECT: "no connection",
    pycurl.E_COULDNT_RESOLVE_PROXY: "no such proxy",
    pycurl.E_OPERATION_TIMEDOUT: "timed out",
    pycurl.E_SSL_CONNECT_ERROR: "TLS failed",
    pycurl.E_PEER_FAILED_VERIFICATION: "the tracker's certificate is not trusted",
    pycurl.E_GOT_NOTHING: "the connection was closed without an answer",
    pycurl.E_RECV_ERROR: "the connection broke",
    pycurl.E_SEND_ERROR: "the connection broke",
}


class _Exchange:
    """One request under way, on a handle that outlives it."""

    def __init__(self) -> None:
        self.curl: Any = pycurl.Curl()
        self.key = 0
        self.plain = False  #: whether the handle is set up for a GET without a body
        self.server = b""  #: which server, which headers and what kind of connection it is set up for
        self.headers: tuple[tuple[str, str], ...] | None = None
        self.once = False
        self.head = BytesIO()
        self.body = bytearray()
        self.read = 0

    def take(self, data: bytes) -> int | None:
        """Keep the beginning of an answer's body, and cut an endless one off."""
        self.read += len(data)
        if len(self.body) < _BODY_BYTES:
            self.body += data[: _BODY_BYTES - len(self.body)]
        return None if self.read <= _BODY_LIMIT else 0


class Transport:
    """Requests under way. Used by one thread, but for `wake`."""

    def __init__(self, *, timeout: float, connections: int, proxy: str | None = None) -> None:
        """Prepare to send.

        Args:
            timeout: Seconds for the whole of one exchange, the name's resolution included.
            connections: How many idle ones to keep.
            proxy: The URL of one to send through; `ENVIRONMENT`: which the environment names; None: none.
        """
        self._timeout = timeout
        self._proxy = proxy
        self._bundle = _find_bundle()
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._deadline: float | None = None
        self._poll: Any = native("select", "poll")()
        self._woken, self._waker = os.pipe()
        for fd in (self._woken, self._waker):
            os.set_blocking(fd, False)
        self._poll.register(self._woken, _POLL_IN)
        self._idle: list[_Exchange] = []
        self._under_way: dict[Any, _Exchange] = {}
        self._finished: list[tuple[int, WireReply | NoReply]] = []
        # Every socket ever opened here, and what it was then, so that a forked child can let go of it.
        self._sockets: dict[int, tuple[int, int]] = {}

    def send(self, key: int, request: WireRequest) -> None:
        """Start sending; `wait` will return *key* with the outcome.

        Raises:
            ValueError: It is no HTTP request, or too long for one. Names no part of it.
        """
        if len(request.url) > _URL_LIMIT:
            raise ValueError(_TOO_LONG)
        exchange = self._idle.pop() if self._idle else _Exchange()
        try:
            self._prepare(exchange, request)
        except (UnicodeEncodeError, ValueError, pycurl.error):
            exchange.curl.close()
            raise ValueError(_NOT_SENT) from None
        exchange.key = key
        exchange.head = head = BytesIO()
        exchange.curl.setopt(pycurl.HEADERFUNCTION, head.write)
        exchange.body = bytearray()
        exchange.read = 0
        self._under_way[exchange.curl] = exchange
        self._multi.add_handle(exchange.curl)

    def wait(self, timeout: float) -> list[tuple[int, WireReply | NoReply]]:
        """Move everything on; returns what has finished, after *timeout* seconds at most, or when woken."""
        if self._deadline is not None:
            timeout = min(timeout, self._deadline - time.monotonic())
        for fd, events in self._poll.poll(max(int(timeout * 1000 + 0.999), 0)):
            if fd == self._woken:
                os.read(fd, 4096)
            else:
                readable = pycurl.CSELECT_IN if events & ~_POLL_OUT else 0
                writable = pycurl.CSELECT_OUT if events & ~_POLL_IN else 0
                self._multi.socket_action(fd, readable | writable)
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._deadline = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect()
        finished, self._finished = self._finished, []
        return finished

    def wake(self) -> None:
        """Make the waiting thread return. Any thread may call this."""
        try:
            os.write(self._waker, b"\0")
        except (BlockingIOError, OSError):
            return  # it has been woken often enough, or is gone

    def under_way(self) -> list[tuple[int, NoReply]]:
        """Tell what would become of everything under way, were it cut off now."""
        return [(exchange.key, NoReply(_was_sent(exchange.curl), "stopped")) for exchange in self._under_way.values()]

    def close(self) -> None:
        """Cut everything off. A name that is being resolved may hold this up: nothing is to depend on its return."""
        for exchange in [*self._under_way.values(), *self._idle]:
            if exchange.curl in self._under_way:
                self._multi.remove_handle(exchange.curl)
            exchange.curl.close()
        self._under_way.clear()
        self._idle.clear()
        self._multi.close()
        os.close(self._woken)
        os.close(self._waker)

    def leave_behind(self) -> None:
        """In a forked child: let go of the parent's sockets, without a word to the other end.

        Their numbers stay taken: libcurl's own objects may close them once more, and must not hit another's file.
        """
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for fd, identity in self._sockets.items():
            try:
                status = os.fstat(fd)
            except OSError:
                continue
            if (status.st_dev, status.st_ino) == identity:
                os.dup2(nothing, fd, inheritable=False)
        os.close(nothing)

    def _prepare(self, exchange: _Exchange, request: WireRequest) -> None:
        curl = exchange.curl
        server, target = _split(request.url)
        plain = request.method == "GET" and not request.body
        if not (plain and exchange.plain):
            curl.reset()
            self._set_up(exchange)
            if not plain:
                if request.body:
                    curl.setopt(pycurl.POSTFIELDS, request.body)
                curl.setopt(pycurl.CUSTOMREQUEST, request.method)
            exchange.plain = plain
            exchange.server, exchange.headers, exchange.once = b"", None, False
        curl.setopt(pycurl.REQUEST_TARGET, target)
        if server != exchange.server:
            curl.setopt(pycurl.URL, server)
            exchange.server = server
        if request.headers != exchange.headers:
            curl.setopt(pycurl.HTTPHEADER, _header_lines(request))
            exchange.headers = request.headers
        # A kept connection may have died unnoticed, and libcurl then sends again by itself: not what must go once.
        once = request.when_unanswered is WhenUnanswered.SET_ASIDE
        if once is not exchange.once:
            curl.setopt(pycurl.FRESH_CONNECT, int(once))
            exchange.once = once

    def _set_up(self, exchange: _Exchange) -> None:
        curl = exchange.curl
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        if self._proxy is None:
            curl.setopt(
                pycurl.PROXY, ""
            )  # not even the environment's: a tracker is told what the site says, by the site
        else:
            if self._proxy != ENVIRONMENT:
                curl.setopt(pycurl.PROXY, self._proxy)
                curl.setopt(pycurl.NOPROXY, "")  # of the environment nothing
            # A proxy that is asked to send for us would write the URL anew.
            curl.setopt(pycurl.HTTPPROXYTUNNEL, 1)
        curl.setopt(pycurl.TIMEOUT_MS, int(self._timeout * 1000))
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(int(self._timeout * 500), 1))
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)
        curl.setopt(pycurl.WRITEFUNCTION, exchange.take)
        curl.setopt(pycurl.SOCKOPTFUNCTION, self._note_socket)
        if self._bundle is not None:
            curl.setopt(pycurl.CAINFO, self._bundle)

    def _collect(self) -> None:
        more = 1
        while more:
            more, answered, failed = self._multi.info_read()
            for curl in answered:
                self._finish(curl, None)
            for curl, error, _ in failed:
                self._finish(curl, error)

    def _finish(self, curl: Any, error: int | None) -> None:
        exchange = self._under_way.pop(curl)
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        outcome: WireReply | NoReply
        if status >= 200:  # an answer cut short is an answer
            headers = _NO_HEADERS if status < 300 else _parse_head(exchange.head.getvalue())
            outcome = WireReply(status=status, headers=headers, body=bytes(exchange.body))
        else:
            what = _WHAT.get(error or 0, f"failed (libcurl error {error})")
            said = curl.getinfo(pycurl.HTTP_CONNECTCODE)
            outcome = NoReply(_was_sent(curl), f"the proxy answered {said}" if said >= 300 else what)
        self._finished.append((exchange.key, outcome))
        self._multi.remove_handle(curl)
        self._idle.append(exchange)

    def _watch(self, what: int, fd: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            self._poll.unregister(fd)
        else:
            events = (_POLL_IN if what & pycurl.POLL_IN else 0) | (_POLL_OUT if what & pycurl.POLL_OUT else 0)
            self._poll.register(fd, events)

    def _set_timer(self, milliseconds: int) -> None:
        self._deadline = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _note_socket(self, fd: int, _purpose: int) -> int:
        status = os.fstat(fd)
        self._sockets[fd] = (status.st_dev, status.st_ino)
        os.set_inheritable(fd, False)  # noqa: FBT003 - its own signature; older libcurls leave that to the caller
        return 0


_POLL_IN = 1  # the numbers of poll(2), which gevent's own select module does not have
_POLL_OUT = 4


def _was_sent(curl: Any) -> bool:
    """Tell whether any of a request went out: what a proxy was asked first is none of it."""
    return bool(curl.getinfo(pycurl.REQUEST_SIZE) > 0 and curl.getinfo(pycurl.PRETRANSFER_TIME) > 0)


def _split(url: str) -> tuple[bytes, bytes]:
    """Take a URL apart into what to connect to, and what to ask for there, to the byte."""
    parts = _URL.fullmatch(url)
    if parts is None:
        raise ValueError(_NOT_SENT)
    server, target = parts.groups()
    if not target.startswith("/"):
        target = f"/{target}"
    return f"{server}/".encode("ascii"), target.encode("ascii")


def _header_lines(request: WireRequest) -> list[bytes]:
    lines = [b"Accept:", b"Expect:"]
    named = False
    for name, value in request.headers:
        line = f"{name}: {value}" if value else f"{name};"
        if "\r" in line or "\n" in line or "\0" in line:
            raise ValueError(_NOT_SENT)
        named = named or name.lower() == "user-agent"
        lines.append(line.encode("latin-1"))
    if not named:
        lines.append(b"User-Agent: footfall")
    return lines


def _parse_head(head: bytes) -> Mapping[str, str]:
    final = head.rstrip(b"\r\n").rpartition(b"\r\n\r\n")[2]  # interim answers come before
    headers: dict[str, str] = {}
    for line in final.split(b"\r\n")[1:]:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


def _find_bundle() -> str | None:
    """Find the system's trusted certificates: the library's own build may look where another system has them."""
    chosen = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    for path in (chosen, *_BUNDLES):
        if path and Path(path).is_file():
            return path
    return None
