"""What leaves a spool for an engine: packed in parcels, kept until it is confirmed, and for a while after.

All parcels of one tracker are numbered, and published in that order: an engine need remember no more than the last
one that it has had, and whatever comes after that one, confirmed or not, is published again. So nothing is in it twice
because a confirmation was lost, and nothing is missing because a replica took over that had not had everything.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import NamedTuple

from footfall.delivery.spool.intake import count

__all__ = [
    "Erasure",
    "Marker",
    "Outgoing",
    "Parcel",
    "claim",
    "confirm",
    "erasures",
    "forget_erasures",
    "forwarded_trackers",
    "forwarders",
    "knows",
    "leave_role",
    "load",
    "pack",
    "parcels_after",
    "prune_window",
    "renounce",
    "source_of",
    "take_back",
    "waits_for",
    "window_bytes",
]

_MOST = 1000  # requests in a parcel
_MOST_BYTES = 2 * 1024 * 1024


class Marker(NamedTuple):
    """A parcel's place among those of its source."""

    seq: int
    token: str


class Outgoing(NamedTuple):
    """A request on its way."""

    visitor: str
    set_aside: bool
    accepted: float  #: seconds since 1970
    once: str
    request: str  #: as the journal had it

    def __repr__(self) -> str:
        """Leave the request out."""
        return f"<Outgoing of {self.accepted}>"


class Parcel(NamedTuple):
    """Requests that are published together."""

    marker: Marker
    requests: Sequence[Outgoing]


class Erasure(NamedTuple):
    """A visitor who is to be forgotten."""

    id: int
    visitor: str
    at: float  #: seconds since 1970

    def __repr__(self) -> str:
        """Leave the visitor out."""
        return f"<Erasure {self.id}>"


def claim(db: sqlite3.Connection, owner: str, now: float, until: float) -> bool:
    """Become, or stay, the only one who forwards; says whether that is so. A spool has one at a time, for the order."""
    db.execute("INSERT OR IGNORE INTO forwarder VALUES (1, ?, NULL, 0)", (os.urandom(8).hex(),))
    done = db.execute(
        "UPDATE forwarder SET owner = ?, until = ? WHERE owner IS NULL OR owner = ? OR until < ? OR until > ?",
        (owner, until, owner, now, until + 3600.0),  # so far ahead, the clock was set back
    )
    return bool(done.rowcount)


def leave_role(db: sqlite3.Connection, owners: Collection[str]) -> None:
    """Let others forward, where one of these did."""
    for owner in owners:
        db.execute("UPDATE forwarder SET owner = NULL WHERE owner = ?", (owner,))


def forwarders(db: sqlite3.Connection) -> set[str]:
    """Name who forwards, if anybody does."""
    return {owner for (owner,) in db.execute("SELECT owner FROM forwarder WHERE owner IS NOT NULL")}


def source_of(db: sqlite3.Connection, engine: str) -> str:
    """Name this spool as an engine knows it: another engine has had other parcels."""
    (identity,) = db.execute("SELECT identity FROM forwarder").fetchone()
    return blake2b(f"{identity} {engine}".encode(), digest_size=8).hexdigest()


def renounce(db: sqlite3.Connection) -> None:
    """Take another name: the engine has had parcels that this spool never packed, because it is an older copy.

    What such a copy holds may have been published before, and is published again rather than taken for known.
    """
    db.execute("UPDATE forwarder SET identity = ?", (os.urandom(8).hex(),))
    take_back(db)


def take_back(db: sqlite3.Connection) -> None:
    """Put what is packed and not confirmed back among the requests, and forget the parcels."""
    db.execute(
        """
        INSERT OR IGNORE INTO requests (id, tracker, visitor, set_aside, accepted, due, request)
        SELECT o.id, o.tracker, o.visitor, o.set_aside, o.accepted, o.accepted, o.request
        FROM outgoing o JOIN parcels p ON p.tracker = o.tracker AND p.seq = o.seq WHERE p.confirmed IS NULL"""
    )
    db.execute("DELETE FROM outgoing")
    db.execute("DELETE FROM parcels")


def forwarded_trackers(db: sqlite3.Connection) -> list[str]:
    """Name the trackers of which something waits, or was published a while ago."""
    return [
        tracker
        for (tracker,) in db.execute(
            "SELECT tracker FROM counters WHERE name = 'pending' AND value > 0 UNION SELECT tracker FROM parcels"
        )
    ]


def waits_for(db: sqlite3.Connection, tracker: str) -> bool:
    """Tell whether a tracker's requests wait to be published or confirmed."""
    query = "SELECT 1 FROM counters WHERE tracker = ? AND name = 'pending' AND value > 0"
    return db.execute(query, (tracker,)).fetchone() is not None


def knows(db: sqlite3.Connection, tracker: str, marker: Marker) -> bool:
    """Tell whether this spool can have packed a parcel: it did, or that is so long ago that it has forgotten."""
    row = db.execute("SELECT token FROM parcels WHERE tracker = ? AND seq = ?", (tracker, marker.seq)).fetchone()
    if row is not None:
        return bool(row[0] == marker.token)
    (oldest,) = db.execute("SELECT min(seq) FROM parcels WHERE tracker = ?", (tracker,)).fetchone()
    return oldest is not None and marker.seq < oldest


def parcels_after(db: sqlite3.Connection, tracker: str, source: str, seq: int) -> list[Marker]:
    """List the parcels that an engine has not had, in order, given the number of the last that it has had."""
    return [
        Marker(*row)
        for row in db.execute(
            "SELECT seq, token FROM parcels WHERE tracker = ? AND (source = ? OR confirmed IS NULL) AND seq > ?"
            " ORDER BY seq",
            (tracker, source, seq),
        )
    ]


def load(db: sqlite3.Connection, tracker: str, marker: Marker) -> Parcel:
    """Read what is in a parcel; what was erased meanwhile is not."""
    query = """
        SELECT visitor, set_aside = 1, accepted,
            CASE WHEN json_valid(request) THEN coalesce(json_extract(request, '$[3]'), '') ELSE '' END, request
        FROM outgoing WHERE tracker = ? AND seq = ? ORDER BY id"""
    rows = db.execute(query, (tracker, marker.seq)).fetchall()
    return Parcel(marker, [Outgoing(row[0], bool(row[1]), *row[2:]) for row in rows])


def pack(db: sqlite3.Connection, tracker: str, source: str, after: int) -> Marker | None:
    """Pack the oldest requests of a tracker that are not under way from here; None: there are none."""
    last = total = number = 0
    query = "SELECT id, length(request) FROM requests WHERE tracker = ? AND owner IS NULL ORDER BY id LIMIT ?"
    for row, size in db.execute(query, (tracker, _MOST)):
        if number and total + size > _MOST_BYTES:
            break
        last, number, total = row, number + 1, total + size
    if not number:
        return None
    (newest,) = db.execute("SELECT coalesce(max(seq), 0) FROM parcels WHERE tracker = ?", (tracker,)).fetchone()
    marker = Marker(max(after, newest) + 1, os.urandom(8).hex())
    db.execute("INSERT INTO parcels VALUES (?, ?, ?, ?, NULL, ?)", (tracker, *marker, source, total + 100 * number))
    which = "FROM requests WHERE tracker = ? AND owner IS NULL AND id <= ?"
    db.execute(
        f"INSERT INTO outgoing SELECT id, tracker, ?, visitor, set_aside, accepted, request {which}",
        (marker.seq, tracker, last),
    )
    db.execute(f"DELETE {which}", (tracker, last))
    return marker


def confirm(db: sqlite3.Connection, tracker: str, source: str, seq: int, now: float) -> int:
    """Note that an engine has all parcels up to one; returns how many requests are no longer this spool's."""
    unconfirmed = "SELECT seq FROM parcels WHERE tracker = ? AND confirmed IS NULL AND seq <= ?"
    query = f"SELECT count(*) FROM outgoing WHERE tracker = ? AND seq IN ({unconfirmed})"  # noqa: S608 - our own parts
    (number,) = db.execute(query, (tracker, tracker, seq)).fetchone()
    db.execute(
        "UPDATE parcels SET confirmed = ?, source = ? WHERE tracker = ? AND confirmed IS NULL AND seq <= ?",
        (now, source, tracker, seq),
    )
    if number:
        count(db, tracker, "pending", -number)
        count(db, tracker, "forwarded", number)
    return int(number)


def window_bytes(db: sqlite3.Connection) -> int:
    """Say about how much room that takes which an engine has, and which is kept in case it loses it."""
    (size,) = db.execute("SELECT total(bytes) FROM parcels WHERE confirmed IS NOT NULL").fetchone()
    return int(size)


def prune_window(db: sqlite3.Connection, before: float, most_bytes: int) -> None:
    """Drop what was confirmed before a moment, and the oldest where too much is kept; each last number stays."""
    excess = window_bytes(db) - most_bytes
    gone: list[Marker] = []
    trackers: list[str] = []
    query = "SELECT tracker, seq, token, bytes, confirmed FROM parcels WHERE confirmed IS NOT NULL AND bytes > 0"
    for tracker, seq, token, size, confirmed in db.execute(f"{query} ORDER BY confirmed LIMIT 1000").fetchall():
        if confirmed >= before and excess <= 0:
            break
        excess -= size
        gone.append(Marker(seq, token))
        trackers.append(tracker)
    for tracker, (seq, _) in zip(trackers, gone, strict=True):
        db.execute("DELETE FROM outgoing WHERE tracker = ? AND seq = ?", (tracker, seq))
        db.execute("UPDATE parcels SET bytes = 0 WHERE tracker = ? AND seq = ?", (tracker, seq))
    for tracker in set(trackers):
        db.execute(
            """
            DELETE FROM parcels WHERE tracker = :tracker AND confirmed IS NOT NULL AND bytes = 0
            AND seq < (SELECT max(seq) FROM parcels WHERE tracker = :tracker)""",
            {"tracker": tracker},
        )


def erasures(db: sqlite3.Connection) -> list[Erasure]:
    """Read which visitors are still to be erased in the engine."""
    return [Erasure(*row) for row in db.execute("SELECT id, visitor, at FROM erasures ORDER BY id LIMIT 1000")]


def forget_erasures(db: sqlite3.Connection, last: int) -> None:
    """Note that the engine has erased visitors."""
    db.execute("DELETE FROM erasures WHERE id <= ?", (last,))
