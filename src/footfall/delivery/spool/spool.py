"""The spool: what is accepted waits in its tables until its verdict is final, and several processes share it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from footfall.delivery.journal.outbox import Batch
from footfall.delivery.journal.segments import Record
from footfall.delivery.spool.bounds import Bound, Dropped, drop_failed, drop_keys, kept_bytes
from footfall.delivery.spool.couriers import leave, read_reports, report
from footfall.delivery.spool.database import Database
from footfall.delivery.spool.intake import count_repeated, last_id, store
from footfall.delivery.spool.leases import Lease, Room, Settlement, Standing
from footfall.delivery.spool.leasing import hasten, is_due, lease_due, release_lost, renew, settle, waiting
from footfall.delivery.spool.outgoing import (
    Erasure,
    Marker,
    Parcel,
    claim,
    confirm,
    erasures,
    forget_erasures,
    forwarded_trackers,
    forwarders,
    knows,
    leave_role,
    load,
    pack,
    parcels_after,
    prune_window,
    renounce,
    source_of,
    take_back,
    waits_for,
    window_bytes,
)
from footfall.delivery.spool.refusals import Count
from footfall.delivery.stats import Counters

__all__ = ["KEEP_FAILED", "KEEP_KEYS", "KEEP_ONCE", "KEEP_PARCELS", "Spool", "Totals"]

KEEP_FAILED = 100_000  #: failed requests that are kept
KEEP_KEYS = 1_000_000  #: ``once`` keys
KEEP_ONCE = 366 * 86400.0  #: seconds that a ``once`` key is kept: as long as a device's cookie lives
KEEP_PARCELS = 300.0  #: seconds that is kept what an engine has, should a replica take over that has it not

_KEEP_OFFSETS = 3600.0  # seconds: longer than anybody reads on in a segment that has been removed
_LEASE = 320.0  # seconds: no lease is longer
_LATEST = 3600.0 + _LEASE  # seconds: no request is due later than this, unless the clock was set back
_VACUUM_PAGES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counters, and up to where the journal was moved, at one moment."""

    trackers: Mapping[str, Counters]
    offsets: Mapping[str, int]
    repeated: Mapping[str, int] = field(default_factory=dict[str, int])
    """By tracker, how many of the records asked about have a ``once`` key that is taken."""


class Spool(Database):
    """A database of requests. Each method is one transaction; each may raise SpoolError, and none waits for ever."""

    def __init__(
        self,
        path: Path | None,
        *,
        to_disk: bool = False,
        forbidden: str | None = None,
        kept_bytes: int = 1 << 28,
        forwards: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open nothing yet.

        Args:
            path: The file; its folder must exist. None: memory.
            to_disk: Sync the disk also when a request is leased or settled, not only when it is stored.
            forbidden: Why this process must not touch the file, if that is so.
            kept_bytes: How much room what failed may take, and as much the keys of what is sent only once.
            forwards: What it holds goes to an engine, erasures too.
            clock: Seconds since 1970.
        """
        super().__init__(path, to_disk=to_disk, forbidden=forbidden)
        self._failed = Bound(KEEP_FAILED, kept_bytes)
        self._once = Bound(KEEP_KEYS, kept_bytes)
        self._window_bytes = kept_bytes
        self._forwards = forwards
        self._clock = clock

    def drain(self, source: Callable[[Mapping[str, int]], Batch]) -> Batch:
        """Take records over from the journal, each once; on the disk when this returns.

        Args:
            source: Reads them, given up to where that was done already.
        """
        with self.transaction(write=True, to_disk=True) as db:
            batch = source(dict(db.execute("SELECT name, offset FROM segments")))
            now = self._clock()
            store(db, batch.records, now, forwards=self._forwards)
            for name, offset in batch.offsets.items():
                db.execute("INSERT OR REPLACE INTO segments VALUES (?, ?, ?)", (name, offset, now))
        return batch

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
        """Settle leased requests, and lease others that are due: *lease* seconds for *owner*, who then sends them.

        What it is busy with, though its lease has run out, is *renewed*: it would be leased anew, or taken for lost.
        Of one visitor at most one request a tracker is under way; the others wait for its verdict, in order.
        """
        if not settled and not renewed:
            with self.transaction() as db:  # an idle worker takes no write lock
                if not any(is_due(db, tracker, room(tracker), now) for tracker in waiting(db)):
                    return []
        with self.transaction(write=True) as db:
            settle(db, settled, owner, now)
            if renewed:
                renew(db, renewed, owner, now + lease)
            leased: list[Lease] = []
            for tracker in waiting(db):
                leased += lease_due(db, tracker, room(tracker), owner=owner, now=now, until=now + lease)
        return leased

    def refuse(self, counts: Iterable[Count]) -> None:
        """Add to the counts of what was never accepted."""
        with self.transaction(write=True) as db:
            db.executemany(
                "INSERT INTO refused VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value", counts
            )

    def latest(self) -> int:
        """Tell the number of the latest request that was ever stored."""
        with self.transaction() as db:
            return last_id(db)

    def report(self, owner: str, standings: Mapping[str, Standing], now: float) -> None:
        """Write down for others that this process delivers, and which trackers it sends nothing to, and why."""
        with self.transaction(write=True) as db:
            report(db, owner, standings, now)

    def leave(self, owner: str) -> None:
        """Write down that this process delivers no more."""
        with self.transaction(write=True) as db:
            leave(db, [owner])

    def owners(self) -> set[str]:
        """Name everyone who has requests on lease, or forwards."""
        with self.transaction() as db:
            leasing = db.execute("SELECT DISTINCT owner FROM requests WHERE owner IS NOT NULL")
            return {owner for (owner,) in leasing} | forwarders(db)

    def couriers(self) -> set[str]:
        """Name everyone who says that it delivers."""
        with self.transaction() as db:
            return {report.owner for report in read_reports(db) if report.owner}

    def orphan(self, owners: Iterable[str]) -> None:
        """End the leases of processes that are no more; what they had under way may have arrived, or not."""
        gone = list(owners)
        with self.transaction(write=True) as db:
            db.execute(
                "UPDATE requests SET due = min(accepted, ?) WHERE owner IN (SELECT value FROM json_each(?))",
                (self._clock(), json.dumps(gone)),
            )
            leave(db, gone)
            leave_role(db, gone)

    def take_over_role(self, owner: str, engine: str, *, lease: float) -> str | None:
        """Become, or stay, the one who forwards; returns this spool's name at the engine, None: another forwards.

        What others had under way, before there was an engine, is let go of once their lease is over.
        """
        with self.transaction(write=True) as db:
            now = self._clock()
            if not claim(db, owner, now, now + lease):
                return None
            release_lost(db, now)
            return source_of(db, engine)

    def leave_role(self, owner: str) -> None:
        """Let others forward."""
        with self.transaction(write=True) as db:
            leave_role(db, [owner])

    def forwarded_trackers(self) -> dict[str, bool]:
        """Name the trackers that there are parcels of, or will be, and whether any waits to be published."""
        with self.transaction() as db:
            return {tracker: waits_for(db, tracker) for tracker in forwarded_trackers(db)}

    def parcels_after(self, tracker: str, source: str, had: Marker | None) -> list[Marker] | None:
        """List the parcels that the engine has not had, given the last that it has; None: never packed here."""
        with self.transaction() as db:
            if had is not None and not knows(db, tracker, had):
                return None
            return parcels_after(db, tracker, source, 0 if had is None else had.seq)

    def pack(self, tracker: str, source: str, had: Marker | None) -> Marker | None:
        """Pack another parcel; None: nothing is left to pack."""
        with self.transaction(write=True) as db:
            return pack(db, tracker, source, 0 if had is None else had.seq)

    def load(self, tracker: str, marker: Marker) -> Parcel:
        """Read a parcel."""
        with self.transaction() as db:
            return load(db, tracker, marker)

    def confirm(self, tracker: str, source: str, last: Marker) -> int:
        """Note that the engine has all parcels up to one; returns how many requests have left this spool by that."""
        with self.transaction(write=True) as db:
            return confirm(db, tracker, source, last.seq, self._clock())

    def renounce(self) -> None:
        """Take another name at the engine, because this spool is older than what the engine has had of it."""
        with self.transaction(write=True) as db:
            renounce(db)

    def take_back(self) -> None:
        """Put what was packed and not confirmed back among the requests: there is no engine any more."""
        with self.transaction() as db:
            if db.execute("SELECT 1 FROM parcels LIMIT 1").fetchone() is None:
                return
        with self.transaction(write=True) as db:
            take_back(db)

    def erasures(self) -> list[Erasure]:
        """Read whom the engine is still to erase."""
        with self.transaction() as db:
            return erasures(db)

    def forget_erasures(self, last: int) -> None:
        """Note that the engine has erased them, up to one."""
        with self.transaction(write=True) as db:
            forget_erasures(db, last)

    def prune(self, now: float, segments: Collection[str]) -> int:
        """Drop what nobody asks for any more, give room back to the disk; returns the bytes of what waits.

        Args:
            now: Seconds since 1970.
            segments: Those that exist.
        """
        with self.transaction(write=True) as db:
            # The offset of a segment that is still there must stay, or its records would be taken over again.
            db.execute(
                "DELETE FROM segments WHERE at < ? AND name NOT IN (SELECT value FROM json_each(?))",
                (now - _KEEP_OFFSETS, json.dumps(list(segments))),
            )
            db.execute("DELETE FROM once WHERE at < ?", (now - KEEP_ONCE,))
            # Where the clock was ahead: whoever holds such a lease may still be sending, and has a lease's time.
            db.execute("UPDATE requests SET due = ? WHERE owner IS NOT NULL AND due > ?", (now + _LEASE, now + _LATEST))
            drop_keys(db, self._once)
            prune_window(db, now - KEEP_PARCELS, self._window_bytes)
            for tracker in waiting(db):
                hasten(db, tracker, later_than=now + _LATEST, now=now)
                hasten(db, tracker, later_than=now, now=now, untried=True)
            used, free, size = (
                int(db.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
            kept = kept_bytes(db) + window_bytes(db)
        if free > _VACUUM_PAGES and free > used // 4:
            self.shrink(_VACUUM_PAGES)
        return max((used - free) * size - kept, 0)

    def drop_failed(self) -> Dropped:
        """Drop the oldest of what failed, where too much of it is kept."""
        with self.transaction(write=True) as db:
            return drop_failed(db, self._failed)

    def totals(self, unmoved: Callable[[Mapping[str, int]], Iterable[Record]] | None = None) -> Totals:
        """Count everything at one moment; *unmoved* is given up to where the journal was moved, for `repeated`."""
        with self.transaction() as db:
            counts: dict[str, dict[str, int]] = {}
            for tracker, name, value in db.execute("SELECT tracker, name, value FROM counters"):
                counts.setdefault(tracker, {})[name] = value
            refused: dict[str, dict[str, int]] = {}
            for tracker, reason, value in db.execute("SELECT tracker, reason, value FROM refused"):
                refused.setdefault(tracker, {})[reason] = value
            offsets = dict(db.execute("SELECT name, offset FROM segments"))
            repeated = count_repeated(db, () if unmoved is None else unmoved(offsets))
        trackers = {name: _counters(counts.get(name, {}), refused.get(name, {})) for name in counts | refused}
        return Totals(trackers=trackers, offsets=offsets, repeated=repeated)


def _counters(counts: Mapping[str, int], refused: Mapping[str, int]) -> Counters:
    return Counters(
        accepted=counts.get("accepted", 0),
        delivered=counts.get("delivered", 0),
        pending=counts.get("pending", 0),
        failed=counts.get("failed", 0),
        erased=counts.get("erased", 0),
        forwarded=counts.get("forwarded", 0),
        refused=MappingProxyType(dict(refused)),
    )
