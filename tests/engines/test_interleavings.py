"""Two workers at one place, in whatever order they act: each visitor's order is kept, and the counters add up."""

from __future__ import annotations

import time

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.engines.places import Engines, Place, Spooled, request_to
from tests.engines.servers import Postgres, Valkey
from tests.heavy import TIMES

from footfall.delivery.spool.leases import Failure, Lease, Postponement, Room, Settlement
from footfall.delivery.stats import Counters
from footfall.wire import WhenUnanswered

VISITORS = st.sampled_from(["", "anna", "bert", "cleo"])
TRACKERS = st.sampled_from(["one", "two"])
OWNERS = st.sampled_from(["me", "other"])
VERDICTS = st.sampled_from(["delivered", "failed", "postponed", "lost"])
LONG, OVER = 1000.0, -1.0

Line = tuple[str, str]


class Workers(RuleBasedStateMachine):
    """Publish, lease, settle, die, erase: numbers are the order of publication."""

    place: Place

    def __init__(self) -> None:
        super().__init__()
        self.place = self.make()
        self.number = 0
        self.lines: dict[Line, list[int]] = {}  # what is pending, in order
        self.under_way: dict[str, dict[int, Lease]] = {"me": {}, "other": {}}

    def make(self) -> Place:
        raise NotImplementedError

    def teardown(self) -> None:
        self.place.close()

    @rule(who=st.lists(st.tuples(TRACKERS, VISITORS, st.booleans()), min_size=1, max_size=6))
    def publish(self, who: list[tuple[str, str, bool]]) -> None:
        requests = []
        for tracker, visitor, aside in who:
            self.number += 1
            requests.append(request_to(self.number, visitor, tracker=tracker, aside=aside))
            self.lines.setdefault((tracker, visitor), []).append(self.number)
        self.place.put(*requests)

    @rule(owner=OWNERS, limit=st.integers(1, 5), probe=st.booleans())
    def lease(self, owner: str, limit: int, probe: bool) -> None:
        self.took(owner, self.place.turn(room=Room(limit, probe=probe), owner=owner))

    def took(self, owner: str, leases: list[Lease]) -> None:
        busy = {line_of(lease) for some in self.under_way.values() for lease in some.values()}
        for lease in leases:
            line, number = line_of(lease), number_of(lease)
            assert number in self.lines[line], "what is settled or erased came again"
            if line[1]:
                assert line not in busy, "two of one visitor under way"
                assert self.lines[line][0] == number, "an earlier one was overtaken"
            busy.add(line)
            self.under_way[owner][number] = lease

    @rule(owner=OWNERS, verdicts=st.lists(VERDICTS, max_size=5))
    def settle(self, owner: str, verdicts: list[str]) -> None:
        settled = Settlement()
        for lease, verdict in zip(list(self.under_way[owner].values()), verdicts, strict=False):
            if verdict == "lost":
                continue
            del self.under_way[owner][number_of(lease)]
            if verdict == "postponed":
                settled.postponed.append(Postponement(lease.id, time.time() - 1))
                continue
            self.done(lease)
            if verdict == "delivered":
                settled.delivered.append(lease.id)
            else:
                settled.failed.append(Failure(lease.id, "no"))
        self.place.turn(settled, owner=owner)

    @rule(owner=OWNERS)
    def die(self, owner: str) -> None:
        """A worker is gone: what it had is another's, but for what must go once and may have gone."""
        held = self.under_way[owner]
        self.place.turn(renewed=[lease.id for lease in held.values()], owner=owner, lease=OVER)
        self.under_way[owner] = {}
        other = "other" if owner == "me" else "me"
        for _ in range(2):  # SQLite tells in the look after
            leases = self.place.turn(room=Room(1000), owner=other)
            for lease in held.values():
                aside = lease.request.when_unanswered is WhenUnanswered.SET_ASIDE
                if aside and number_of(lease) in self.lines[line_of(lease)]:
                    self.done(lease)
            self.took(other, leases)

    @rule(visitor=VISITORS)
    def erase(self, visitor: str) -> None:
        if visitor:
            self.place.erase(visitor)
            for line in [line for line in self.lines if line[1] == visitor]:
                self.lines[line] = []
            for held in self.under_way.values():
                for number in [n for n, lease in held.items() if lease.request.visitor == visitor]:
                    del held[number]

    @invariant()
    def the_sum_adds_up(self) -> None:
        stats = self.place.stats()
        for tracker in ("one", "two"):
            counters = stats.trackers.get(tracker, Counters())
            pending = sum(len(line) for (name, _), line in self.lines.items() if name == tracker)
            assert counters.pending == pending
            assert counters.accepted == counters.delivered + counters.pending + counters.failed + counters.erased

    @rule()
    def drain(self) -> None:
        """What no one holds is leased, in the end, down to the last."""
        for owner in ("me", "other"):
            self.settle(owner, ["delivered"] * len(self.under_way[owner]))
        for _ in range(sum(map(len, self.lines.values())) + 2):
            self.took("me", self.place.turn(room=Room(1000)))
            self.settle("me", ["delivered"] * len(self.under_way["me"]))
        assert sum(map(len, self.lines.values())) == 0

    def done(self, lease: Lease) -> None:
        self.lines[line_of(lease)].remove(number_of(lease))


def line_of(lease: Lease) -> Line:
    return lease.request.tracker, lease.request.visitor


def number_of(lease: Lease) -> int:
    return int(lease.request.url.rpartition("/")[2])


def run(make: type[RuleBasedStateMachine], examples: int) -> None:
    chosen = settings(
        max_examples=examples * TIMES,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(make, settings=chosen)


def test_two_workers_at_one_spool() -> None:
    class AtSpool(Workers):
        def make(self) -> Place:
            return Spooled()

    run(AtSpool, 20)


def test_two_workers_at_postgres(postgres: Postgres) -> None:
    class AtPostgres(Workers):
        def make(self) -> Place:
            postgres.empty()
            return Engines(postgres.url)

    run(AtPostgres, 8)


def test_two_workers_at_valkey(valkey: Valkey) -> None:
    class AtValkey(Workers):
        def make(self) -> Place:
            valkey.empty()
            return Engines(valkey.url)

    run(AtValkey, 15)
