"""A courier at work on trackers that exist on paper: time passes as fast as it can be reckoned."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, cast

from footfall.delivery.journal.codec import encode_request, kind_of
from footfall.delivery.journal.outbox import Batch
from footfall.delivery.journal.segments import Record
from footfall.delivery.notices import Notices
from footfall.delivery.sending.courier import Courier
from footfall.delivery.sending.verdict import NoReply
from footfall.delivery.spool.spool import Spool
from footfall.wire import WireReply, WireRequest

if TYPE_CHECKING:
    from footfall.delivery.sending.transport import Transport

START = 1_800_000_000.0
TIMEOUT = 10.0


@dataclass(frozen=True)
class Answer:
    """What becomes of a request, after so many seconds."""

    outcome: WireReply | NoReply
    after: float = 0.02


OK = Answer(WireReply(status=204))
BROKEN = Answer(WireReply(status=500))
HANG = Answer(NoReply(sent=True, what="timed out"), TIMEOUT)
NOBODY = Answer(NoReply(sent=False, what="no connection"), 0.001)


def later(seconds: int, status: int = 503) -> Answer:
    return Answer(WireReply(status=status, headers={"retry-after": str(seconds)}))


@dataclass
class Sent:
    """One try of one request."""

    request: WireRequest
    at: float
    answer: Answer


@dataclass
class Line:
    """A `Transport` whose other end is a function."""

    clock: Clock
    answer: Callable[[WireRequest], Answer]
    sent: list[Sent] = field(default_factory=list[Sent])
    coming: list[tuple[float, int, int]] = field(default_factory=list[tuple[float, int, int]])

    def send(self, key: int, request: WireRequest) -> None:
        answer = self.answer(request)
        self.sent.append(Sent(request, self.clock.now, answer))
        heappush(self.coming, (self.clock.now + answer.after, len(self.sent) - 1, key))

    def wait(self, timeout: float) -> list[tuple[int, WireReply | NoReply]]:
        until = self.clock.now + timeout
        self.clock.now = max(self.clock.now, min(until, self.coming[0][0]) if self.coming else until)
        come: list[tuple[int, WireReply | NoReply]] = []
        while self.coming and self.coming[0][0] <= self.clock.now:
            _, number, key = heappop(self.coming)
            come.append((key, self.sent[number].answer.outcome))
        return come

    def under_way(self) -> list[tuple[int, NoReply]]:
        return [(key, NoReply(sent=True, what="stopped")) for _, _, key in self.coming]

    def wake(self) -> None:
        """Nobody waits."""

    def close(self) -> None:
        self.coming.clear()


@dataclass
class Clock:
    now: float = START


class World:
    """A spool in memory, a courier that sends from it, and what the trackers answer."""

    def __init__(
        self,
        answer: Callable[[WireRequest], Answer],
        *,
        concurrency: int = 64,
        retry_for: float = 86400.0,
        chance: float = 0.5,
    ) -> None:
        self.clock = Clock()
        self.spool = Spool(None, clock=lambda: self.clock.now)
        self.line = Line(self.clock, answer)
        self.settings: dict[str, Any] = {
            "timeout": TIMEOUT,
            "retry_for": retry_for,
            "concurrency": concurrency,
            "clock": lambda: self.clock.now,
            "monotonic": lambda: self.clock.now,
            "chance": lambda: chance,
        }
        self.number = 0
        self.accepted: dict[str, float] = {}
        self.begin("first")

    def begin(self, owner: str) -> None:
        """Have another process send; what the one before had under way, nobody knows."""
        self.line.coming.clear()
        transport = cast("Transport", self.line)
        self.courier = Courier(self.spool, Notices(), owner=owner, transport=transport, **self.settings)

    def end(self) -> None:
        self.courier.finish(0.0)
        self.spool.close()

    def put(self, *paths: str) -> None:
        """Accept requests for these paths now, each from a visitor of its own."""
        self.accept([(path, f"v{self.number + n}", "main") for n, path in enumerate(paths)])

    def accept(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Accept requests now: path, visitor, tracker."""
        records: list[Record] = []
        for path, visitor, tracker in rows:
            self.number += 1
            url = f"http://127.0.0.1/{path}/{self.number}"
            request = WireRequest(tracker=tracker, kind="click", url=url, visitor=visitor)
            self.accepted[request.url] = self.clock.now
            records.append(Record(int(self.clock.now * 1e9), kind_of(request), encode_request(request), "a.0", 0))
        self.spool.drain(lambda _: Batch(records=records, offsets={"a.0": self.number}))
        self.courier.wake()

    def run(self, seconds: float) -> None:
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.courier.step(end - self.clock.now)

    def tries(self, path: str) -> dict[str, list[float]]:
        """When each request under a path was sent, by its URL: seconds since it was accepted."""
        tries: dict[str, list[float]] = {}
        for sent in self.line.sent:
            if path_of(sent.request) == path:
                tries.setdefault(sent.request.url, []).append(sent.at - self.accepted[sent.request.url])
        return tries

    def waits(self, path: str) -> list[float]:
        """How long each request under a path took from its acceptance to its answer; the rest is not there."""
        return [
            sent.at + sent.answer.after - self.accepted[sent.request.url]
            for sent in self.line.sent
            if path_of(sent.request) == path and sent.answer is OK and sent.at + OK.after <= self.clock.now
        ]


def path_of(request: WireRequest) -> str:
    return request.url.split("/")[3]
