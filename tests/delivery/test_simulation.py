"""Trackers, visitors and deaths at random, in a world where time is reckoned: four laws that delivery must keep.

Nothing is lost. One visitor's requests go in order. No healthy request waits longer than a bound because of another
visitor's. No request is tried more often than its own waits allow.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

import hypothesis.strategies as st
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.delivery.simulated import BROKEN, HANG, NOBODY, OK, Answer, Sent, World, later, path_of

from footfall.delivery.sending.breaker import backoff
from footfall.wire import WireReply, WireRequest

TIMES = 10 if os.environ.get("FOOTFALL_HEAVY") else 1
RETRY_FOR = 600.0
PAUSE = 5
TRACKERS = ("one", "two")
MODES = {"up": None, "gone": NOBODY, "broken": BROKEN, "silent": HANG, "busy": later(PAUSE, 429)}
REFUSED = Answer(WireReply(status=400))
ANSWERS = {  # by path, at each try; then, or where there are none, the last
    "good": [OK],
    "bad": [BROKEN],
    "hang": [HANG],
    "slow": [Answer(OK.outcome, 3.0)],
    "shaky": [BROKEN, BROKEN, OK],
    "later": [later(PAUSE), OK],
    "refused": [REFUSED],
}
ODD = st.sampled_from([path for path in ANSWERS if path != "good"])


class Delivering(RuleBasedStateMachine):
    """One process at a time delivers to two trackers."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: Counter[str] = Counter()
        self.mode = dict.fromkeys(TRACKERS, "up")
        self.well_since = dict.fromkeys(TRACKERS, 0.0)
        self.deaths = 0
        self.number = 0

    @initialize(chance=st.sampled_from([0.25, 0.5, 1.0]))
    def begin(self, chance: float) -> None:
        self.chance = chance
        self.world = World(self.answer, concurrency=8, retry_for=RETRY_FOR, chance=chance)

    def answer(self, request: WireRequest) -> Answer:
        answers = ANSWERS[path_of(request)]
        trouble = MODES[self.mode[request.tracker]]
        if trouble is not None:
            return trouble
        self.tried[request.url] += 1
        return answers[min(self.tried[request.url], len(answers)) - 1]

    @rule(
        tracker=st.sampled_from(TRACKERS),
        odd=ODD,
        number=st.integers(1, 150),
        good=st.integers(0, 300),
        first=st.booleans(),
        visitors=st.sampled_from([3, 50, 1000]),
        seconds=st.sampled_from([0.0, 1.0, 30.0]),
    )
    def accept(
        self, tracker: str, odd: str, number: int, good: int, first: bool, visitors: int, seconds: float
    ) -> None:
        """Accept some that all fare badly, at the head or among as many others that do not, and more of these."""
        bad = [(odd, f"{tracker} odd {n % visitors}", tracker) for n in range(number)]
        well = [("good", f"{tracker} {n % visitors}", tracker) for n in range(number + good)]
        mixed = [row for pair in zip(bad, well, strict=False) for row in pair]
        self.world.accept([*bad, *well] if first else [*mixed, *well[number:]])
        self.world.run(seconds)

    @rule(
        tracker=st.sampled_from(TRACKERS),
        mode=st.sampled_from([mode for mode in MODES if mode != "up"]),
        seconds=st.sampled_from([0.1, 5.0, 300.0]),
        after=st.sampled_from([0.0, 60.0]),
    )
    def fail(self, tracker: str, mode: str, seconds: float, after: float) -> None:
        """A tracker is not well for a while."""
        self.turn(tracker, mode)
        self.world.run(seconds)
        self.turn(tracker, "up")
        self.world.run(after)

    @rule(seconds=st.sampled_from([0.02, 1.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.world.run(seconds)

    def turn(self, tracker: str, mode: str) -> None:
        self.no_healthy_one_waits_for_another()
        self.mode[tracker] = mode
        self.well_since[tracker] = self.world.clock.now

    @rule()
    def kill(self) -> None:
        """Its process dies; another one takes over, and cannot know what had arrived."""
        self.no_healthy_one_waits_for_another()
        self.deaths += 1
        self.world.spool.orphan([str(self.deaths - 1), "first"])
        self.world.begin(str(self.deaths))
        self.well_since = dict.fromkeys(TRACKERS, self.world.clock.now)

    @invariant()
    def the_sum_adds_up(self) -> None:
        for counters in self.world.spool.totals().trackers.values():
            assert counters.accepted == counters.delivered + counters.pending + counters.failed

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.finish()
            self.nothing_is_lost()
            for line in self.lines().values():
                self.is_in_order(line)
            self.no_healthy_one_waits_for_another()
            self.none_is_tried_too_often()
        finally:
            self.world.end()

    def finish(self) -> None:
        """What hangs has but two slots here, and each row must be tried once more to be given up."""
        for _ in range(40):
            self.world.run(RETRY_FOR)
            if not any(counters.pending for counters in self.world.spool.totals().trackers.values()):
                return

    def nothing_is_lost(self) -> None:
        delivered = {sent.request.url for sent in self.world.line.sent if sent.answer.outcome == OK.outcome}
        with self.world.spool.transaction() as db:
            failed = {url for (url,) in db.execute("SELECT json_extract(request, '$[6]') FROM failed")}
            assert db.execute("SELECT count(*) FROM requests").fetchone() == (0,)
        assert delivered | failed == set(self.world.accepted)
        healthy = {url for url in self.world.accepted if url.split("/")[3] not in {"bad", "hang", "refused"}}
        assert not {url for url in failed & healthy if self.last_answer(url) is OK}

    def last_answer(self, url: str) -> Answer:
        return [sent.answer for sent in self.world.line.sent if sent.request.url == url][-1]

    def lines(self) -> dict[tuple[str, str], list[Sent]]:
        lines: dict[tuple[str, str], list[Sent]] = {}
        for sent in self.world.line.sent:
            lines.setdefault((sent.request.tracker, sent.request.visitor), []).append(sent)
        return lines

    def is_in_order(self, line: list[Sent]) -> None:
        numbers = [int(sent.request.url.rpartition("/")[2]) for sent in line]
        assert numbers == sorted(numbers)

    def no_healthy_one_waits_for_another(self) -> None:
        """Looked at whenever a tracker is about to change, for the time in which it was well."""
        for (tracker, visitor), line in self.lines().items():
            if "odd" not in visitor and self.mode[tracker] == "up":
                longest = max(self.waits(line, self.well_since[tracker]), default=0.0)
                assert longest < self.bound(tracker)

    def waits(self, line: list[Sent], well_since: float) -> Iterator[float]:
        """How long those waited that never failed, once it was their turn and their tracker was well."""
        ready = well_since
        for sent, before in zip(line, [None, *line], strict=False):
            if before is not None:
                ready = max(ready, before.at + before.answer.after)
            first = before is None or before.request.url != sent.request.url
            if first and sent.answer is OK and sent.at >= well_since:
                yield sent.at - max(ready, self.world.accepted[sent.request.url])

    def bound(self, tracker: str) -> float:
        """Three exchanges; and what hangs at the head, what asks for a pause, and all others one after the other."""
        paths = Counter(path_of(sent.request) for sent in self.world.line.sent if sent.request.tracker == tracker)
        tries = sum(paths.values())
        return 15.0 + paths["hang"] / 2 + paths["slow"] / 2 + paths["later"] * PAUSE + tries / 100

    def none_is_tried_too_often(self) -> None:
        tries = Counter(sent.request.url for sent in self.world.line.sent)
        last = {sent.request.url: sent.at for sent in self.world.line.sent}
        for url, number in tries.items():
            lived = last[url] - self.world.accepted[url]
            due = accumulate(backoff(attempt, self.chance) for attempt in range(1, 100))
            assert number <= 1 + self.deaths + sum(1 for moment in due if moment <= lived + 0.001)


TestDelivering = Delivering.TestCase
# Ten steps can be read as they are; shortening them takes longer than all others of these tests.
TestDelivering.settings = settings(
    max_examples=8 * TIMES, stateful_step_count=10, deadline=None, phases=[Phase.generate], database=None
)
