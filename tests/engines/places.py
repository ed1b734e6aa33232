"""What a courier can send from, all seen alike: the spool of one machine, and each engine by two connections."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Protocol

from footfall.delivery.engines.opening import open_engine
from footfall.delivery.journal.codec import Kind, encode_request, encode_visitor, kind_of
from footfall.delivery.journal.outbox import Batch
from footfall.delivery.journal.segments import Record
from footfall.delivery.spool.leases import Lease, Room, Settlement
from footfall.delivery.spool.outgoing import Erasure, Marker, Outgoing, Parcel
from footfall.delivery.spool.spool import Spool
from footfall.delivery.stats import Stats
from footfall.wire import WhenUnanswered, WireRequest

__all__ = ["Engines", "Place", "Spooled", "outgoing", "request_to"]

LONG = 1000.0
NONE = Room(0)


def request_to(
    path: object, visitor: str = "", *, tracker: str = "main", aside: bool = False, once: str = ""
) -> WireRequest:
    when = WhenUnanswered.SET_ASIDE if aside else WhenUnanswered.REPEAT
    url = f"http://127.0.0.1:9/{path}"
    return WireRequest(tracker=tracker, kind="click", url=url, visitor=visitor, when_unanswered=when, once=once)


def outgoing(request: WireRequest, accepted: float) -> Outgoing:
    text = encode_request(request).decode()
    aside = request.when_unanswered is WhenUnanswered.SET_ASIDE
    return Outgoing(request.visitor, aside, accepted, request.once, f"{text[:-1]},{accepted:.6f}]")


class Place(Protocol):
    def put(self, *requests: WireRequest) -> None: ...

    def erase(self, visitor: str) -> None: ...

    def turn(
        self,
        settled: Settlement | None = None,
        *,
        owner: str = "me",
        room: Room = NONE,
        lease: float = LONG,
        renewed: Collection[int] = (),
    ) -> list[Lease]: ...

    def stats(self) -> Stats: ...

    def close(self) -> None: ...


class Spooled:
    """The spool of one machine."""

    def __init__(self) -> None:
        self.spool = Spool(None)
        self.end = 0

    def put(self, *requests: WireRequest) -> None:
        self._drain([(kind_of(request), encode_request(request)) for request in requests])

    def erase(self, visitor: str) -> None:
        self._drain([(Kind.ERASE, encode_visitor(visitor))])

    def _drain(self, records: Sequence[tuple[int, bytes]]) -> None:
        self.end += 1
        stamp = time.time_ns()
        done = [Record(stamp + n, kind, payload, "a.0", 0) for n, (kind, payload) in enumerate(records)]
        self.spool.drain(lambda _: Batch(records=done, offsets={"a.0": self.end}))

    def turn(
        self,
        settled: Settlement | None = None,
        *,
        owner: str = "me",
        room: Room = NONE,
        lease: float = LONG,
        renewed: Collection[int] = (),
    ) -> list[Lease]:
        now = time.time() + 0.001
        return self.spool.turn(
            settled or Settlement(), lambda _: room, owner=owner, now=now, lease=lease, renewed=renewed
        )

    def stats(self) -> Stats:
        return Stats.of(self.spool.totals().trackers)

    def close(self) -> None:
        self.spool.close()


class Engines:
    """An engine: a forwarder's connection, and one for each worker."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.forwarder = open_engine(url)
        self.workers = {owner: open_engine(url) for owner in ("me", "other")}
        self.last: dict[str, Marker] = {}
        self.erased = 0

    def put(self, *requests: WireRequest) -> None:
        for tracker in dict.fromkeys(request.tracker for request in requests):
            now = time.time()
            last = self.last.get(tracker)
            parcel = Parcel(
                Marker(1 if last is None else last.seq + 1, "token"),
                [outgoing(one, now) for one in requests if one.tracker == tracker],
            )
            assert self.forwarder.publish(tracker, "host", parcel, after=last)
            self.last[tracker] = parcel.marker
        self.look()

    def look(self) -> None:
        """Have the workers learn at once of trackers that are new to them."""
        for worker in self.workers.values():
            worker.hurry()

    def erase(self, visitor: str) -> None:
        self.erased += 1
        self.forwarder.erase([Erasure(self.erased, visitor, time.time())])

    def turn(
        self,
        settled: Settlement | None = None,
        *,
        owner: str = "me",
        room: Room = NONE,
        lease: float = LONG,
        renewed: Collection[int] = (),
    ) -> list[Lease]:
        return self.workers[owner].turn(
            settled or Settlement(), lambda _: room, owner=owner, now=time.time(), lease=lease, renewed=renewed
        )

    def stats(self) -> Stats:
        return self.forwarder.stats()

    def close(self) -> None:
        self.forwarder.close()
        for worker in self.workers.values():
            worker.close()
