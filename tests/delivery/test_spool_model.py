"""Whatever happens in whatever order, a spool keeps its visitors' order and its counters add up."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.heavy import TIMES

from footfall.delivery.journal.codec import Kind, encode_request, encode_visitor
from footfall.delivery.journal.outbox import Batch
from footfall.delivery.journal.segments import Record
from footfall.delivery.spool.leases import Failure, Lease, Postponement, Room, Settlement
from footfall.delivery.spool.spool import Spool
from footfall.wire import WhenUnanswered, WireRequest

VISITORS = st.sampled_from(["", "anna", "bert", "cleo"])
TRACKERS = st.sampled_from(["one", "two"])
VERDICTS = st.sampled_from(["delivered", "failed", "postponed", "lost"])


class SpoolMachine(RuleBasedStateMachine):
    """Accepts, leases, settles, erases, kills: numbers are the order of acceptance."""

    def __init__(self) -> None:
        super().__init__()
        self.spool = Spool(None)
        self.now = 1_800_000_000.0
        self.number = 0
        self.end = 0
        self.lines: dict[tuple[str, str], list[int]] = {}  # what is pending, in order
        self.under_way: dict[str, list[Lease]] = {"me": [], "other": []}

    def teardown(self) -> None:
        self.spool.close()

    def move(self, *records: tuple[int, bytes]) -> None:
        done = [Record(int(self.now * 1e9), kind, payload, "a.0", 0) for kind, payload in records]
        self.end += 1
        self.spool.drain(lambda _: Batch(records=done, offsets={"a.0": self.end}))

    @rule(who=st.lists(st.tuples(TRACKERS, VISITORS, st.booleans()), max_size=5), erased=VISITORS)
    def accept(self, who: list[tuple[str, str, bool]], erased: str) -> None:
        """Accept some, with an erasure in the middle."""
        records: list[tuple[int, bytes]] = []
        for place, (tracker, visitor, once) in enumerate(who):
            self.now += 0.001
            self.number += 1
            records.append((Kind.REQUEST, encode_request(self.request(tracker, visitor, once=once))))
            self.lines.setdefault((tracker, visitor), []).append(self.number)
            if place == 2:
                records.append((Kind.ERASE, encode_visitor(erased)))
                self.forget(erased)
        self.move(*records)

    def request(self, tracker: str, visitor: str, *, once: bool) -> WireRequest:
        when = WhenUnanswered.SET_ASIDE if once else WhenUnanswered.REPEAT
        url = f"http://127.0.0.1/{self.number}"
        return WireRequest(tracker=tracker, kind="click", url=url, visitor=visitor, when_unanswered=when)

    @rule(visitor=VISITORS)
    def erase(self, visitor: str) -> None:
        self.move((Kind.ERASE, encode_visitor(visitor)))
        self.forget(visitor)

    def forget(self, visitor: str) -> None:
        if visitor:
            for line in [line for line in self.lines if line[1] == visitor]:
                del self.lines[line]
            for leases in self.under_way.values():
                leases[:] = [lease for lease in leases if lease.request.visitor != visitor]

    @rule(owner=st.sampled_from(["me", "other"]), limit=st.integers(0, 4), probe=st.booleans())
    def lease(self, owner: str, limit: int, probe: bool) -> None:
        leases = self.spool.turn(Settlement(), lambda _: Room(limit, probe), owner=owner, now=self.now, lease=1e6)
        busy = {
            (lease.request.tracker, lease.request.visitor) for leases in self.under_way.values() for lease in leases
        }
        for lease in leases:
            line = (lease.request.tracker, lease.request.visitor)
            if lease.request.visitor:
                assert line not in busy, "two of one visitor under way"
                assert self.lines[line][0] == self.number_of(lease), "an earlier one was overtaken"
            busy.add(line)
        self.under_way[owner] += leases

    @rule(owner=st.sampled_from(["me", "other"]), verdicts=st.lists(VERDICTS, max_size=4))
    def settle(self, owner: str, verdicts: list[str]) -> None:
        settled = Settlement()
        for lease, verdict in zip(list(self.under_way[owner]), verdicts, strict=False):
            if verdict == "lost":
                continue
            self.under_way[owner].remove(lease)
            if verdict == "postponed":
                settled.postponed.append(Postponement(lease.id, self.now + 10))
                continue
            self.done(lease)
            if verdict == "delivered":
                settled.delivered.append(lease.id)
            else:
                settled.failed.append(Failure(lease.id, "no"))
        self.spool.turn(settled, lambda _: Room(0), owner=owner, now=self.now, lease=1e6)

    @rule(seconds=st.sampled_from([1.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def kill(self) -> None:
        """The other process dies: what must go once and was under way is set aside by whoever looks next."""
        self.spool.orphan(["other"])
        once = [lease for lease in self.under_way["other"] if lease.request.when_unanswered is WhenUnanswered.SET_ASIDE]
        self.under_way["other"].clear()
        leases = self.spool.turn(Settlement(), lambda _: Room(1000), owner="me", now=self.now, lease=1e6)
        for lease in once:
            self.done(lease)
        self.under_way["me"] += leases

    @invariant()
    def the_sum_adds_up(self) -> None:
        for tracker, counters in self.spool.totals().trackers.items():
            pending = sum(len(line) for (name, _), line in self.lines.items() if name == tracker)
            assert counters.pending == pending
            done = counters.delivered + counters.pending + counters.failed + counters.erased
            assert counters.accepted == done

    @invariant()
    def nothing_is_forgotten_in_its_line(self) -> None:
        """Each line that has anything has its first one due, on lease, or waiting for its next try."""
        with self.spool.transaction() as db:
            firsts = db.execute("SELECT due FROM requests GROUP BY tracker, visitor HAVING id = min(id)").fetchall()
        assert all(due is not None for (due,) in firsts)

    def number_of(self, lease: Lease) -> int:
        return int(lease.request.url.rpartition("/")[2])

    def done(self, lease: Lease) -> None:
        self.lines[lease.request.tracker, lease.request.visitor].remove(self.number_of(lease))


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(max_examples=60 * TIMES, stateful_step_count=40, deadline=None)
