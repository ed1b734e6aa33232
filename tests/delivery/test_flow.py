"""However many requests fail, hang or are told to wait: the others flow, and each is tried as often as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from tests.delivery.simulated import BROKEN, HANG, NOBODY, OK, Answer, World, later, path_of

MakeWorld = Callable[[Mapping[str, Answer]], World]


@pytest.fixture
def world() -> Iterator[MakeWorld]:
    """A world where requests get answers by their paths, and all others a success."""
    made: list[World] = []

    def make(answers: Mapping[str, Answer]) -> World:
        made.append(World(lambda request: answers.get(path_of(request), OK)))
        return made[-1]

    yield make
    for one in made:
        one.end()


def feed(flow: World, *, good: int, bad: int, seconds: int, kind: str = "bad") -> None:
    """Accept so many of each a second, one after the other, and a moment later look what became of them."""
    for n in range(seconds * 10):
        flow.put(*["good"] * (good // 10), *[kind] * (bad // 10))
        flow.run(0.1)
        if n == 5:
            assert flow.waits("good"), "nothing flows"
    flow.run(2.0)


@pytest.mark.parametrize(("good", "bad"), [(90, 10), (50, 50), (10, 90)])
def test_good_events_flow_at_full_speed_whatever_share_always_fails(world: MakeWorld, good: int, bad: int) -> None:
    flow = world({"bad": BROKEN})
    feed(flow, good=good, bad=bad, seconds=20)
    assert len(flow.waits("good")) == good * 20
    assert max(flow.waits("good")) < 0.5


def test_each_request_that_fails_is_tried_by_its_own_waits_and_no_others(world: MakeWorld) -> None:
    """0.5, 1, 2, 4, 8, 16 seconds: whatever becomes of others meanwhile."""
    flow = world({"bad": BROKEN})
    flow.put(*["bad"] * 10)
    feed(flow, good=50, bad=0, seconds=38)
    tries = flow.tries("bad")
    assert [len(times) for times in tries.values()] == [7] * 10
    for times in tries.values():
        assert times == pytest.approx([0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5], abs=2.5)
        assert times == sorted(times)
    assert len(flow.waits("good")) == 50 * 38
    assert max(flow.waits("good")) < 0.5


def test_requests_that_hang_at_the_head_of_the_queue_stop_nobody(world: MakeWorld) -> None:
    flow = world({"hang": HANG})
    flow.put(*["hang"] * 300)
    flow.put(*["good"] * 900)
    flow.run(10.0)
    assert len(flow.waits("good")) == 900


def test_good_events_flow_while_one_in_ten_hangs(world: MakeWorld) -> None:
    flow = world({"hang": HANG})
    feed(flow, good=90, bad=10, seconds=60, kind="hang")
    assert len(flow.waits("good")) == 90 * 60
    assert max(flow.waits("good")) < 5.0


def test_requests_that_failed_before_hold_up_no_new_ones(world: MakeWorld) -> None:
    """A thousand of them, all due within the next seconds, and now they hang."""
    flow = world({"bad": BROKEN})
    flow.put(*["good", "bad"] * 1000)
    flow.run(2.0)
    assert len(flow.tries("bad")) == 1000
    flow.line.answer = lambda request: {"bad": HANG}.get(path_of(request), OK)
    feed(flow, good=100, bad=0, seconds=20)
    assert len(flow.waits("good")) == 3000
    assert max(flow.waits("good")[1000:]) < 0.5


def test_one_request_that_is_told_to_wait_waits_alone(world: MakeWorld) -> None:
    flow = world({"bad": later(30)})
    flow.put(*["good"] * 50, "bad", *["good"] * 50)
    flow.run(5.0)
    assert len(flow.waits("good")) == 100
    assert max(flow.waits("good")) < 0.5
    flow.run(55.0)
    assert [len(times) for times in flow.tries("bad").values()] == [2]


def test_a_tracker_that_tells_all_to_wait_is_left_alone_until_then(world: MakeWorld) -> None:
    flow = world({"bad": later(30, 429)})
    flow.put(*["bad"] * 200)
    flow.run(1.0)
    before = len(flow.line.sent)
    assert before <= 64
    flow.run(28.0)
    assert len(flow.line.sent) == before
    flow.line.answer = lambda _: OK
    flow.run(10.0)
    assert len({sent.request.url for sent in flow.line.sent if sent.answer is OK}) == 200


def test_while_nobody_is_there_each_request_is_spared(world: MakeWorld) -> None:
    flow = world({"good": NOBODY})
    flow.put(*["good"] * 1000)
    flow.run(60.0)
    assert flow.courier.is_down("main")
    assert len(flow.line.sent) < 64 + 60 * 2


def test_when_a_tracker_is_back_nothing_is_sent_before_its_time(world: MakeWorld) -> None:
    """Each that failed waits as it would have: else all of them come at once to one that has just got up."""
    flow = world({"good": NOBODY})
    flow.put(*["good"] * 30)
    flow.run(60.0)
    with flow.spool.transaction() as db:
        due: dict[str, float] = dict(db.execute("SELECT json_extract(request, '$[6]'), due FROM requests"))
    assert len([url for url, moment in due.items() if moment > flow.clock.now]) > 5
    flow.line.answer = lambda _: OK
    flow.run(900.0)
    delivered = {sent.request.url: sent.at for sent in flow.line.sent if sent.answer is OK}
    assert len(delivered) == 30
    assert all(delivered[url] >= moment for url, moment in due.items())
