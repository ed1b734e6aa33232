"""Valkey or Redis as an engine: one stream a tracker, and what is known of its requests, changed by scripts alone.

A script is one step that nobody sees half of, so that workers share a tracker without waiting for each other. Only what
Valkey and Redis both have since 7.2 is used. All times are reckoned by the server's clock; workers' own may differ.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from heapq import merge
from itertools import count
from operator import attrgetter
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from footfall.delivery.addresses import name_engine
from footfall.delivery.engines.engine import PATIENCE, SEEN_FOR, Depth, Finding, name_visitor
from footfall.delivery.engines.scripts import ERASE, PUBLISH, RETRY, TURN, Script
from footfall.delivery.journal.codec import decode_requests
from footfall.delivery.spool.couriers import Report
from footfall.delivery.spool.failed import FailedReason, FailedRequest, Which
from footfall.delivery.spool.intake import UNREADABLE
from footfall.delivery.spool.leases import Failure, Lease, Room, Settlement, Standing
from footfall.delivery.spool.leasing import ORPHANED
from footfall.delivery.spool.outgoing import Erasure, Marker, Parcel
from footfall.delivery.spool.spool import KEEP_FAILED, KEEP_KEYS, KEEP_ONCE
from footfall.delivery.stats import Counters, Stats
from footfall.errors import EngineError

__all__ = ["StreamsEngine"]

_TRACKERS = "footfall:trackers"
_WORKERS = "footfall:workers"
_OLDEST = (7, 2)
_CONNECT = 5.0  # seconds
_TEND = 1.0
_TEND_SELDOM = 60.0
_STEP = 500  # failed requests at a time
_ERASE_AMONG = 2000  # requests that one step looks through
_KEEP_ERASED = 7 * 86400.0  # seconds: longer than a host is away and comes back with what it had
_MOST_PENDING = 2_000_000  # requests a tracker, one to two gigabytes: then forwarders wait, and their disks absorb
_FAILED = ("failed", "unanswered")


#: What a child has of its parent's connections: kept for ever, because their end would reach into what it uses.
_parents: list[object] = []


class _Settled(NamedTuple):
    delivered: list[str]
    failed: list[tuple[str, str, int | str, str]]
    postponed: list[tuple[str, float]]
    renewed: list[str]


class StreamsEngine:
    """Requests in Valkey or Redis. Used by one thread at a time; it connects when it is first asked."""

    def __init__(self, url: str, *, most_pending: int | None = None) -> None:
        """Connect to nothing yet.

        Args:
            url: As redis-py takes it.
            most_pending: Requests a tracker that may wait; then nothing more is taken.
        """
        self._url = url
        self._name = name_engine(url)
        self._most_pending = _MOST_PENDING if most_pending is None else most_pending
        self._client: Any = None  # redis-py's types are those of its sync and its async client at once
        self._pid = os.getpid()
        self._waits_for_disk = True
        self._numbers = count(1)
        self._leased: dict[int, tuple[str, str]] = {}  # by our number, the tracker and the server's
        self._ours: dict[tuple[str, str], int] = {}
        self._uncertain = False
        self._next_tend = self._next_seldom = 0.0
        self._trackers: list[str] = []
        self._known: set[str] = set()

    @property
    def name(self) -> str:
        """Where it is, without user and password."""
        return self._name

    # What it is like

    def check(self) -> list[Finding]:
        """Look for what would lose requests, or keep it from working.

        Raises:
            EngineError: It cannot be reached.
        """
        info = _parse_info(self._ask("INFO"))
        findings = list(_findings(info))
        if info.get("aof_enabled") == "1":
            with suppress(EngineError):  # many a hosted one keeps its settings to itself
                said = self._ask("CONFIG", "GET", "appendfsync")
                if "no" in (said.values() if isinstance(said, dict) else said):
                    what = (
                        "appendfsync: is no, and its disk may never have what was confirmed; write appendfsync everysec"
                    )
                    findings.append(Finding(what, durability=True))
        self._waits_for_disk = info.get("aof_enabled") == "1"
        self._known.clear()
        return findings

    def migrate(self) -> None:
        """Do nothing: keys are made as they are needed."""

    # What a forwarder asks

    def marker(self, tracker: str, source: str) -> Marker | None:
        """Tell up to which parcel of a source it has a tracker's requests."""
        found = self._ask("HGET", f"{_base(tracker)}sources", source)
        if found is None:
            return None
        seq, _, token = str(found).partition(":")
        return Marker(int(seq), token)

    def publish(self, tracker: str, source: str, parcel: Parcel, *, after: Marker | None) -> bool:
        """Take a parcel over, whole, and only if *after* is the last one that came from its source."""
        if tracker not in self._known:
            self._ask("SADD", _TRACKERS, tracker)
            self._known.add(tracker)
        # One text, which C code writes and reads: of thousands of words the driver would look at each.
        rows = json.dumps(
            [
                (_visitor(visitor), "1" if set_aside else "0", f"{accepted:.6f}", _key(once), request)
                for visitor, set_aside, accepted, once, request in parcel.requests
            ]
        )
        head = (source, _format(after), _format(parcel.marker), self._most_pending)
        said = self._run(PUBLISH, tracker, *head, rows)
        if said == "moved":
            raise EngineError(f"engine {self._name} has had another parcel meanwhile; it is looked at again")
        return bool(said == "taken")

    def sync(self) -> None:
        """Return once all that was published is on the server's disk, if it has any."""
        if not self._waits_for_disk:
            return
        local, _ = self._ask("WAITAOF", 1, 0, int(PATIENCE * 500))
        if not local:
            raise EngineError(f"engine {self._name} has not written to its disk in time; it is tried again")

    def erase(self, erasures: Sequence[Erasure]) -> None:
        """Drop whatever there is of visitors, and what of theirs is published later and was accepted before."""
        whose = {_visitor(one.visitor): one.at for one in erasures if one.visitor}
        for tracker in self._find_trackers():
            base = _base(tracker)
            for visitor, at in whose.items():
                self._ask("ZADD", f"{base}erased", "GT", f"{at:.6f}", visitor)
                self._forget_keys(base, visitor)
            for stream in ("in", *_FAILED):
                after = "-"
                while after:
                    after = self._run(ERASE, tracker, stream, after, _ERASE_AMONG, *whose)

    def _forget_keys(self, base: str, visitor: str) -> None:
        at: object = "0"
        while True:
            at, found = self._ask("ZSCAN", f"{base}once", at, "MATCH", f"{visitor}:*", "COUNT", 10000)
            for key in _keys_of(found):
                self._ask("ZREM", f"{base}once", key)
            if int(str(at)) == 0:
                return

    # What a courier asks

    def turn(
        self,
        settled: Settlement,
        room: Callable[[str], Room],
        *,
        owner: str,
        now: float,
        lease: float,
        renewed: Collection[int] = (),
    ) -> list[Lease]:
        """Settle leased requests, prolong what is renewed, and lease others that are due."""
        free = self._uncertain
        if free or time.monotonic() >= self._next_tend:
            self._tend(owner)
        self._uncertain = True
        by_tracker = self._sort(settled, renewed, now)
        leased: list[Lease] = []
        unreadable = Settlement()
        for tracker in dict.fromkeys((*self._trackers, *by_tracker)):
            space, one = room(tracker), by_tracker.get(tracker)
            if space.limit > 0 or one is not None or free:
                asked = one or _Settled([], [], [], [])
                rows = self._take_turn(tracker, asked, space, owner=owner, lease=lease, free=free)
                taken, bad = self._read(tracker, rows, now + lease)
                leased += taken
                unreadable.failed += [Failure(number, UNREADABLE) for number in bad]
        for number in _over(settled):
            self._drop(number)
        self._uncertain = False
        if unreadable:
            self.turn(unreadable, lambda _: Room(0), owner=owner, now=now, lease=lease)
        return leased

    def _sort(self, settled: Settlement, renewed: Collection[int], now: float) -> dict[str, _Settled]:
        by_tracker: dict[str, _Settled] = {}

        def of(number: int) -> tuple[str, _Settled] | None:
            found = self._leased.get(number)
            if found is None:  # settled before
                return None
            return found[1], by_tracker.setdefault(found[0], _Settled([], [], [], []))

        for number in settled.delivered:
            if (one := of(number)) is not None:
                one[1].delivered.append(one[0])
        for failure in settled.failed:
            if (one := of(failure.id)) is not None:
                status = "" if failure.status is None else failure.status
                one[1].failed.append((one[0], failure.reason, status, failure.answer))
        for postponement in settled.postponed:
            if (one := of(postponement.id)) is not None:
                one[1].postponed.append((one[0], postponement.due - now))
        for number in renewed:
            if (one := of(number)) is not None:
                one[1].renewed.append(one[0])
        return by_tracker

    def _take_turn(
        self, tracker: str, asked: _Settled, room: Room, *, owner: str, lease: float, free: bool
    ) -> list[tuple[str, str, str, str]]:
        mine = [number for name, number in self._leased.values() if name == tracker] if free else []
        text = json.dumps(
            {
                **asked._asdict(),
                "owner": owner,
                "lease": lease,
                "limit": max(room.limit, 0),
                "again": room.again,
                "probe": room.probe,
                "free": free,
                "mine": mine,
                "orphaned": ORPHANED,
            }
        )
        return cast("list[tuple[str, str, str, str]]", self._run(TURN, tracker, text))

    def _read(
        self, tracker: str, rows: Sequence[tuple[str, str, str, str]], until: float
    ) -> tuple[list[Lease], list[int]]:
        leased: list[Lease] = []
        unreadable: list[int] = []
        requests = decode_requests([request for *_, request in rows])
        for (number, accepted, attempts, _), request in zip(rows, requests, strict=True):
            former = self._ours.get((tracker, number))
            if former is not None:
                self._drop(former)
            ours = next(self._numbers)
            self._leased[ours], self._ours[tracker, number] = (tracker, number), ours
            if request is None:
                unreadable.append(ours)
                continue
            leased.append(
                Lease(id=ours, request=request, accepted=float(accepted), attempts=int(attempts), until=until)
            )
        return leased, unreadable

    def _drop(self, number: int) -> None:
        found = self._leased.pop(number, None)
        if found is not None and self._ours.get(found) == number:
            del self._ours[found]

    def hurry(self) -> None:
        """Have the next turn look at once for what is otherwise looked for each second."""
        self._next_tend = 0.0

    def _tend(self, owner: str) -> None:
        self._trackers = self._find_trackers()
        seen = self._clock()
        said = self._ask("HGET", _WORKERS, owner)
        standings: object = json.loads(said)["standings"] if said else {}
        self._ask("HSET", _WORKERS, owner, json.dumps({"seen": seen, "standings": standings}))
        if time.monotonic() >= self._next_seldom:
            self._prune(seen)
            self._next_seldom = time.monotonic() + _TEND_SELDOM
        self._next_tend = time.monotonic() + _TEND

    def _prune(self, clock: float) -> None:
        for report in self.reports():
            if report.seen < clock - 86400.0:
                self._ask("HDEL", _WORKERS, report.owner)
        for tracker in self._trackers:
            base = _base(tracker)
            self._ask("ZREMRANGEBYSCORE", f"{base}erased", "-inf", clock - _KEEP_ERASED)
            self._ask("ZREMRANGEBYSCORE", f"{base}once", "-inf", clock - KEEP_ONCE)
            self._ask("ZREMRANGEBYRANK", f"{base}once", 0, -KEEP_KEYS - 1)
            unanswered = int(self._ask("XLEN", f"{base}unanswered"))
            self._ask("XTRIM", f"{base}failed", "MAXLEN", max(KEEP_FAILED - unanswered, 0))
            self._ask("XTRIM", f"{base}unanswered", "MAXLEN", KEEP_FAILED)

    def report(self, owner: str, standings: Mapping[str, Standing], now: float) -> None:  # noqa: ARG002 - the server's clock counts
        """Write down for others that this process delivers, and which trackers it sends nothing to, and why."""
        self._ask("HSET", _WORKERS, owner, json.dumps({"seen": self._clock(), "standings": standings}))

    def leave(self, owner: str) -> None:
        """Write down that this process delivers no more."""
        self._ask("HDEL", _WORKERS, owner)

    # What people ask

    def stats(self) -> Stats:
        """Count what was published and what became of it."""
        trackers: dict[str, Counters] = {}
        for tracker in self._find_trackers():
            base = _base(tracker)
            with self._explained() as client, client.pipeline(transaction=True) as pipe:
                pipe.execute_command("HGETALL", f"{base}counters")
                pipe.execute_command("XLEN", f"{base}in")
                counted, pending = pipe.execute()
            of = {str(name): int(value) for name, value in counted.items()}
            trackers[tracker] = Counters(
                accepted=of.get("accepted", 0),
                delivered=of.get("delivered", 0),
                pending=int(pending),
                failed=of.get("failed", 0),
                erased=of.get("erased", 0),
                refused={n.removeprefix("refused "): v for n, v in of.items() if n.startswith("refused ")},
            )
        return Stats.of(trackers)

    def depth(self) -> Depth:
        """Look at what waits."""
        under_way = waiting = 0
        oldest: dict[str, datetime] = {}
        failing: dict[str, tuple[int, datetime | None, datetime | None]] = {}
        clock = self._clock()
        for tracker in self._find_trackers():
            base = _base(tracker)
            under_way += int(self._ask("ZCARD", f"{base}leased"))
            number = int(self._ask("ZCOUNT", f"{base}again", f"({clock}", "+inf"))
            waiting += number
            if first := self._ask("XRANGE", f"{base}in", "-", "+", "COUNT", 1):
                oldest[tracker] = datetime.fromtimestamp(float(_fields(first[0][1])["t"]), UTC)
            if number:
                member, due = _pair(self._ask("ZRANGE", f"{base}again", 0, 0, "WITHSCORES"))
                since = self._ask("HGET", f"{base}failing", member)
                failing[tracker] = (number, _moment(since), _moment(due))
        return Depth(stats=self.stats(), under_way=under_way, waiting=waiting, oldest=oldest, failing=failing)

    def reports(self) -> list[Report]:
        """Read what its workers have written down; those that are gone have no name."""
        clock = self._clock()
        found: list[Report] = []
        for owner, text in self._ask("HGETALL", _WORKERS).items():
            said = json.loads(text)
            standings = {tracker: Standing(*fields) for tracker, fields in said["standings"].items()}
            found.append(Report(owner if clock - said["seen"] < SEEN_FOR else "", said["seen"], standings))
        return found

    def count_failed(self, which: Which) -> list[FailedReason]:
        """Count what failed by its reasons, the most frequent first."""
        found: dict[tuple[str, str], list[FailedRequest]] = {}
        for failed in self.list_failed(which):
            found.setdefault((failed.tracker, failed.reason), []).append(failed)
        reasons = [
            FailedReason(
                tracker=tracker,
                reason=reason,
                number=len(some),
                can_retry=sum(one.can_retry for one in some),
                kinds=sorted({one.kind for one in some}),
                first=min(one.failed for one in some),
                last=max(one.failed for one in some),
            )
            for (tracker, reason), some in found.items()
        ]
        return sorted(reasons, key=lambda one: (-one.number, one.tracker, one.reason))

    def list_failed(self, which: Which) -> Iterator[FailedRequest]:
        """Read what failed, oldest first."""
        each = [
            (one for _, one in self._failed(tracker, stream, which))
            for tracker in self._find_trackers()
            for stream in _FAILED
        ]
        return merge(*each, key=attrgetter("failed"))

    def retry_failed(self, which: Which) -> int:
        """Have what failed sent again; returns how many requests."""
        return self._decide(
            which,
            lambda tracker, stream, ids: int(self._run(RETRY, tracker, stream, *ids)),
            lambda failed: failed.can_retry,
        )

    def purge_failed(self, which: Which) -> int:
        """Throw away what failed; returns how many requests."""
        return self._decide(
            which,
            lambda tracker, stream, ids: int(self._ask("XDEL", f"{_base(tracker)}{stream}", *ids)),
            lambda _: True,
        )

    def _decide(
        self,
        which: Which,
        act: Callable[[str, str, Sequence[str]], int],
        fits: Callable[[FailedRequest], bool],
    ) -> int:
        total = 0
        for tracker in self._find_trackers():
            for stream in _FAILED:
                ids = [entry for entry, failed in self._failed(tracker, stream, which) if fits(failed)]
                for at in range(0, len(ids), _STEP):
                    total += act(tracker, stream, ids[at : at + _STEP])
        return total

    def _failed(self, tracker: str, stream: str, which: Which) -> Iterator[tuple[str, FailedRequest]]:
        if which.tracker not in (None, tracker):
            return
        after = "-"
        while True:
            entries = self._ask("XRANGE", f"{_base(tracker)}{stream}", after, "+", "COUNT", _STEP)
            for entry, fields in entries:
                failed = _failed_request(tracker, entry, _fields(fields))
                if _fits(failed, which):
                    yield entry, failed
            if len(entries) < _STEP:
                return
            after = f"({entries[-1][0]}"

    # The connection

    def listen(self, wake: Callable[[], None], is_over: Callable[[], bool]) -> bool:  # noqa: ARG002 - a look costs it little
        """Hear nothing: a courier looks four times a second."""
        return False

    def leave_behind(self) -> None:
        """In a forked child: let go of the parent's connection without a word to the server."""
        _parents.append(self._client)
        self._client = None

    def close(self) -> None:
        """Let go of the connection; the next call makes another."""
        client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            with suppress(RedisError, OSError):
                client.close()

    def _find_trackers(self) -> list[str]:
        return sorted(str(name) for name in self._ask("SMEMBERS", _TRACKERS))

    def _clock(self) -> float:
        seconds, micros = self._ask("TIME")
        return int(seconds) + int(micros) / 1e6

    def _run(self, script: Script, tracker: str, *arguments: object) -> Any:
        with self._explained() as client:
            try:
                return client.execute_command("EVALSHA", script.sha, 1, _base(tracker), *arguments)
            except NoScriptError:
                return client.execute_command("EVAL", script.text, 1, _base(tracker), *arguments)

    def _ask(self, *words: object) -> Any:
        with self._explained() as client:
            return client.execute_command(*words)

    def _explained(self) -> _Explained:
        return _Explained(self)

    def connect(self) -> Any:
        """Connect, unless that is done; for the block that explains what goes wrong."""
        if self._client is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._client = cast("Any", redis.Redis).from_url(
                self._url,
                decode_responses=True,
                encoding_errors="replace",
                socket_timeout=PATIENCE,
                socket_connect_timeout=_CONNECT,
                socket_keepalive=True,
                retry=Retry(NoBackoff(), 0),
                single_connection_client=True,
                client_name="footfall",
            )
        return self._client

    def __repr__(self) -> str:
        """Name it without its password."""
        return f"<StreamsEngine {self._name}>"


class _Explained:
    """Turns what the driver raises into words that name no value."""

    def __init__(self, engine: StreamsEngine) -> None:
        self._engine = engine

    def __enter__(self) -> Any:
        try:
            return self._engine.connect()
        except (RedisError, OSError) as error:
            self._fail(error)
            raise AssertionError from error

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, (RedisError, OSError)):
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        name = self._engine.name
        if isinstance(error, ResponseError):
            raise EngineError(f"engine {name} refuses: {_said(error)}; it is tried again") from None
        self._engine.close()
        what = "took too long" if isinstance(error, (redis.TimeoutError, TimeoutError)) else "cannot be reached"
        raise EngineError(f"engine {name} {what} ({type(error).__name__}); it is tried again") from None


def _said(error: ResponseError) -> str:
    """Say which kind of error a server has answered: its first word, for the others may quote what it was sent."""
    return str(error).split(" ", 1)[0][:40]


def _findings(info: Mapping[str, str]) -> Iterator[Finding]:
    version = info.get("redis_version") or info.get("valkey_version", "")
    parts = version.split(".")
    if len(parts) < 2 or not (parts[0].isdecimal() and parts[1].isdecimal()):
        yield Finding("does not say its version; use Valkey, or Redis 7.2 or newer")
    elif (int(parts[0]), int(parts[1])) < _OLDEST:
        yield Finding(f"is of version {version[:20]}; use Valkey, or Redis 7.2 or newer")
    if info.get("role", "master") != "master":
        yield Finding("is a replica, which takes nothing; name its primary")
    if info.get("aof_enabled") != "1":
        text = "appendonly: is no, and a restart loses what was confirmed; write appendonly yes in its configuration"
        yield Finding(text, durability=True)
    if info.get("maxmemory_policy", "").startswith("allkeys-"):
        yield Finding(
            f"maxmemory-policy: is {info['maxmemory_policy'][:20]}, which evicts requests; write maxmemory-policy"
            " noeviction, or use a server of its own",
            durability=True,
        )


def _parse_info(said: Any) -> dict[str, str]:
    if isinstance(said, dict):
        return {str(name): str(value) for name, value in cast("dict[object, object]", said).items()}
    lines = (line.partition(":") for line in str(said).splitlines())
    return {name: value.strip() for name, colon, value in lines if colon}


def _base(tracker: str) -> str:
    return f"footfall:{{{quote(tracker, safe='')}}}:"


def _visitor(visitor: str) -> str:
    number = name_visitor(visitor)
    return "" if number is None else f"{number & 0xFFFFFFFFFFFFFFFF:016x}"


def _key(once: str) -> str:
    return blake2b(once.encode(), digest_size=16).hexdigest() if once else ""


def _format(marker: Marker | None) -> str:
    return "" if marker is None else f"{marker.seq}:{marker.token}"


def _over(settled: Settlement) -> Iterator[int]:
    yield from settled.delivered
    for failure in settled.failed:
        yield failure.id
    for postponement in settled.postponed:
        yield postponement.id


def _fields(said: Any) -> Mapping[str, str]:
    if isinstance(said, dict):
        return cast("Mapping[str, str]", said)
    return dict(zip(said[::2], said[1::2], strict=True))


def _keys_of(said: Any) -> list[str]:
    """Read the members of what ZSCAN answers, as pairs or one after the other."""
    if said and isinstance(said[0], (list, tuple)):
        return [str(pair[0]) for pair in said]
    return [str(member) for member in said[::2]]


def _pair(said: Any) -> tuple[str, str]:
    first = said[0] if isinstance(said[0], (list, tuple)) else said
    return str(first[0]), str(first[1])


def _moment(seconds: object) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(float(str(seconds)), UTC)


def _failed_request(tracker: str, entry: str, of: Mapping[str, str]) -> FailedRequest:
    milliseconds, _, number = entry.partition("-")
    request = None if of["reason"] == UNREADABLE else decode_requests([of["r"]])[0]
    return FailedRequest(
        id=int(milliseconds) * 1000 + int(number),
        tracker=tracker,
        kind="" if request is None else request.kind,
        reason=of["reason"],
        status=int(of["status"]) if of["status"] else None,
        answer=of["r"][:1024] if of["reason"] == UNREADABLE else of["answer"],
        accepted=datetime.fromtimestamp(float(of["t"]), UTC),
        failed=datetime.fromtimestamp(float(of["failed"]), UTC),
        attempts=int(of["tries"]),
        url=None if request is None else request.url,
    )


def _fits(failed: FailedRequest, which: Which) -> bool:
    return (
        (which.reason is None or failed.reason.startswith(which.reason))
        and (which.since is None or failed.failed.timestamp() >= which.since.timestamp())
        and (which.before is None or failed.failed.timestamp() < which.before.timestamp())
    )
