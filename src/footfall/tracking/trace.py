"""Tells, in debug only, why a response did or did not track: a short header, the log, a word to the local tracker.

Nothing of it exists outside of a framework's debug flag: `Site.begin` makes a `TracedTracking` only there. A trace
holds names of cookies, the first four characters of an id, and no id of a person; the log holds nothing of an id.
"""

from __future__ import annotations

import hashlib
import logging
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from footfall.errors import EventError, NoIdentity
from footfall.events import Click, Event
from footfall.identity.caching import HeaderEdit, cache_decision
from footfall.identity.recognize import Known
from footfall.policy import Policy
from footfall.reporter import SOMEBODY, Outcome, Reporter, ask, describe_refusal, kind_of
from footfall.request import Consent, RequestView
from footfall.trackers.protocol import Tracker
from footfall.tracking.ids import KnownIds
from footfall.tracking.tracking import Tracking
from footfall.wire import WireRequest

__all__ = ["TRACE_HEADER", "TracedTracking"]

TRACE_HEADER: Final = "Footfall-Trace"
LONGEST: Final = 1_500  #: characters of a trace: it stays a header that every server takes, and one datagram
SHOWN: Final = 4  #: characters of an id
LOOPBACK: Final = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1"}

_logger = logging.getLogger("footfall.tracking")
_unsafe = re.compile(r"[^ !#-\[\]-~]").sub
_no_word = re.compile(r"[^A-Za-z0-9_.-]+").sub
_listeners: WeakKeyDictionary[Policy, tuple[tuple[str, int], ...]] = WeakKeyDictionary()


class TracedTracking(Tracking):
    """A request's tracking that says on its response what was decided, and why."""

    __slots__ = ("_notes", "_view")

    def __init__(
        self,
        policy: Policy,
        reporter: Reporter,
        view: RequestView,
        strict: bool,
        request: Callable[[], object] | None = None,
    ) -> None:
        """Made by `Site.begin`."""
        noting = _NotingReporter(reporter)
        self._notes = noting.notes
        self._view = view
        super().__init__(policy, noting, view, strict, request)

    def finish(self, status: int, headers: Sequence[tuple[str, str]]) -> HeaderEdit | None:
        """Decide what the response carries, and add the trace."""
        if self.finished:
            return None
        edit = super().finish(status, headers)
        if status < 200:
            return edit
        shared = cache_decision(status, headers, pending=True, changed=False, read=False).shared
        self._log(str(status), edit, shared=shared)
        trace = _format(self._parts(edit, shared=shared))
        line = f"{self._view.method} {_no_space(self._view.path)} {status}"
        _tell(_listeners_of(self._policy, self._reporter.trackers), f"{line}\n{trace}".encode())
        edit = HeaderEdit(cookies=False) if edit is None else edit
        edit.add.append((TRACE_HEADER, trace))
        return edit

    def release(self) -> None:
        """Let go of the request, and log what it was if no response has told."""
        unanswered = not self.finished
        super().release()
        if unanswered:
            self._log("no response", None, shared=False)

    def _log(self, what: str, edit: HeaderEdit | None, *, shared: bool) -> None:
        """Log what the request was and did. The address and the values of ids are the visitor's, and stay out."""
        if _logger.isEnabledFor(logging.DEBUG):
            said = [f"{name}: {value}" for name, value in self._parts(edit, shared=shared, shown=0) if value]
            _logger.debug("%s; %s", what, "; ".join(said))

    def _parts(self, edit: HeaderEdit | None, *, shared: bool, shown: int = SHOWN) -> Iterator[tuple[str, str]]:
        ids, kind = self._ids, self.request_class
        yield "class", kind.name
        # A reason that the site's own function wrote may quote the visitor.
        yield "reason", kind.reason if shown or self._policy.config.classify is None else ""
        yield "consent", _say_consent(ids)
        if ids.consents[0] is Consent.GRANTED and kind.read:
            yield from _say_ids(ids, shown)
            login = self._login
            yield "user", "not asked" if login is None or not login.known else "yes" if login.name else "nobody"
        else:
            yield "device", f"not read: {'the request is not theirs' if not kind.read else 'no consent'}"
        added = [] if edit is None else edit.add
        yield "cookies", " ".join(line.partition("=")[0] for name, line in added if name == "Set-Cookie")
        yield "cache", _say_cache([name for name, _ in added], shared=shared)
        events = self._notes.events if shown else [event.partition(":")[0] for event in self._notes.events]
        yield "events", " ".join(events)


class _Notes:
    """What becomes of one request's events, for its trace; whoever listens to the site hears it too."""

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner
        self.events: list[str] = []

    def hear(self, outcome: Outcome) -> None:
        for request in outcome.requests:
            self.add(outcome.event, f">{_word(request.tracker)}:{_digest(request)}")
        for name in outcome.unidentified:
            self.add(outcome.event, f"!{_word(name)}:no-id")
        for name, _ in outcome.wrong:
            _logger.info("event %s: is not accepted by %s (it is wrong); see its error", kind_of(outcome.event), name)
            self.add(outcome.event, f"!{_word(name)}:wrong")
        if self._inner.listener is not None:
            self._inner.listener.hear(outcome)

    def hear_refusal(self, event: Event, tracker: str, reason: str) -> None:
        if self._inner.listener is not None:
            self._inner.listener.hear_refusal(event, tracker, reason)

    def add(self, event: Event, what: str) -> None:
        self.events.append(_word(kind_of(event)) + what)


class _NotingReporter(Reporter):
    """A site's reporter, as one request uses it, that keeps what becomes of the request's events."""

    def __init__(self, inner: Reporter) -> None:  # all else is the inner one's, as it is when it is asked for
        self._inner = inner
        self.listener = self.notes = _Notes(inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def refuse(self, event: Event, reason: str) -> None:
        self.notes.add(event, f"!{_word(reason)}")  # once, not for each tracker
        super().refuse(event, reason)

    def say_refused(self, event: Event, reason: str, tracker: str = "") -> None:
        """Tell the log of each: whoever debugs looks for one."""
        _logger.info("%s", describe_refusal(event, reason, tracker))


def _say_consent(ids: KnownIds) -> str:
    device, person = ids.consents
    said = device.value if person is device else f"{device.value}, as a person {person.value}"
    return f"{said} (Sec-GPC)" if ids.gpc else said


def _say_ids(ids: KnownIds, shown: int) -> Iterator[tuple[str, str]]:
    known = ids.known
    yield "device", "forgotten" if ids.forgotten else _say_id("device", known.device, ids.minted_device, known, shown)
    ended = " (the last visit is over)" if known.session and not known.alive and ids.minted_session else ""
    session = _say_id("session", known.alive, ids.minted_session, known, shown) + ended
    yield "session", "forgotten" if ids.forgotten else session
    if ids.consents[1] is not Consent.GRANTED or ids.forgotten:
        return
    if ids.ruid:
        yield "ruid", "named in this request" if ids.identified else "cookie"
    if ids.token:
        yield ids.policy.token_name, "query" if ids.token_captured else "cookie"


def _say_id(role: str, value: str | None, minted: str | None, known: Known, shown: int) -> str:
    if value is not None:
        twins = ", sent twice" if role in known.twins else ""
        return f"cookie {value[:shown]}".rstrip() + f"{', under the former name' if role in known.former else twins}"
    if minted is not None:
        return f"new {minted[:shown]}".rstrip()
    return "none, and none was minted"


def _say_cache(added: Sequence[str], *, shared: bool) -> str:
    if "Cache-Control" in added:
        said = "made private: it sets cookies"
    else:
        said = "shared by the application: no cookie of ours" if shared else "left alone"
    return f"{said}, varies by cookie: an id was read" if "Vary" in added else said


def _format(parts: Iterator[tuple[str, str]]) -> str:
    """Write names and quoted values. The events go last: a long trace loses the last of them."""
    trace = ", ".join(f'{name}="{_unsafe("?", value)}"' for name, value in parts if value)
    if len(trace) <= LONGEST:
        return trace
    return trace[:LONGEST].rpartition(" ")[0] + '"'


def _word(text: str) -> str:
    return _no_word("-", text)[:40] or "-"


def _no_space(path: str) -> str:
    return re.sub(r"\s", "%20", path)[:300]


def _digest(request: WireRequest) -> str:
    """Name a request in eight characters, as the local tracker does when it arrives: nobody reads an id from it."""
    target = "/" + request.url.partition("://")[2].partition("/")[2]
    return hashlib.sha256(f"{request.method} {target}".encode()).hexdigest()[:8]


def _listeners_of(policy: Policy, trackers: Sequence[Tracker]) -> tuple[tuple[str, int], ...]:
    """Find where a local tracker may listen: the trackers of the site that are addressed on this very machine."""
    found = _listeners.get(policy)
    if found is None:
        urls: list[str] = []
        for tracker in trackers:
            try:
                urls += [request.url for request in ask(tracker, Click("1"), SOMEBODY)]
            except (EventError, NoIdentity):
                continue
        addresses = [urlsplit(url) for url in urls if url.startswith("http://")]
        found = tuple({(LOOPBACK[one.hostname], one.port or 80) for one in addresses if one.hostname in LOOPBACK})
        _listeners[policy] = found
    return found


def _tell(addresses: Sequence[tuple[str, int]], message: bytes) -> None:
    """Send each of some loopback addresses a datagram. Nobody waits for it, and who is not there does not hear it."""
    for host, port in addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sending:
                sending.settimeout(0)
                sending.sendto(message, (host, port))
        except OSError:
            continue
