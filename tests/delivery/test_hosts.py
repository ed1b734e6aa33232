"""Servers that replace threads, have none, or fork without a word."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from footfall.delivery.native import why_unattended


def test_gevent_keeps_its_hub_free_and_delivery_its_threads(start_child: Any, all_delivered: Any, sink: Any) -> None:
    """T11."""
    said = start_child("""
import gevent.monkey; gevent.monkey.patch_all()
import gevent
delivery = Delivery(spool)
gevent.joinall([gevent.spawn(emit, [n]) for n in range(1000)])
ticks = []
ticking = gevent.spawn(lambda: [ticks.append(gevent.sleep(0.01)) for _ in range(1000)])
say(delivery.flush(20))
say(len(ticks) > 0)
say(len(os.listdir("/proc/self/task")) > 2)
os._exit(0)
""").said()
    assert said == ["0", "True", "True"]
    all_delivered(1000)


def test_gevent_that_patches_after_the_import_changes_nothing(start_child: Any, all_delivered: Any) -> None:
    start_child("import gevent.monkey; gevent.monkey.patch_all(); delivery = Delivery(spool); emit(range(100))").said()
    all_delivered(100)


def test_under_eventlet_events_are_spooled_with_one_warning(start_child: Any, all_delivered: Any, sink: Any) -> None:
    said = start_child("""
import warnings; warnings.simplefilter("ignore")
import eventlet; eventlet.monkey_patch()
import logging
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
delivery = Delivery(spool)
emit(range(100))
eventlet.sleep(0.5)
os._exit(0)
""").said()
    assert [line.partition(":")[0] for line in said] == ["WARNING events are kept, and not delivered by this process"]
    assert sink.requests == []
    all_delivered(100)


def test_a_live_process_without_threads_is_served_by_another(
    start_child: Any, sink: Any, spool: str, make_delivery: Any, until: Any
) -> None:
    child = start_child("""
import warnings; warnings.simplefilter("ignore")
import eventlet; eventlet.monkey_patch()
delivery = Delivery(spool)
emit(range(100))
say("done")
time.sleep(60)
""")
    child.wait_for("done")
    make_delivery().warm_up()
    assert until(lambda: len(sink.requests) == 100)


def test_without_threads_flush_does_their_work(start_child: Any, sink: Any) -> None:
    """T6."""
    said = start_child("""
import warnings; warnings.simplefilter("ignore")
import eventlet; eventlet.monkey_patch()
delivery = Delivery(spool)
emit(range(100))
say(delivery.flush(20)); say(delivery.close())
""").said()
    assert said == ["0", "0"]
    assert len(sink.requests) == 100


def uwsgi(worker: int = 1, **options: object) -> Any:
    opt = {name.replace("_", "-"): value for name, value in options.items()}
    return SimpleNamespace(opt=opt, worker_id=lambda: worker, masterpid=lambda: 1)


@pytest.mark.parametrize(
    ("module", "word"),
    [
        (uwsgi(), "without threads"),
        (uwsgi(enable_threads=b"false"), "without threads"),
        (uwsgi(enable_threads=True), None),
        (uwsgi(enable_threads=b"1"), None),
        (uwsgi(threads=b"4"), None),
        (uwsgi(worker=0, enable_threads=True), "has not forked its workers"),
    ],
)
def test_uwsgi_is_asked_what_it_allows(module: Any, word: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """T9."""
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    why = why_unattended()
    assert why is None if word is None else word in (why or "")


def test_under_uwsgi_without_threads_events_are_spooled_with_one_warning(
    start_child: Any, all_delivered: Any, sink: Any
) -> None:
    """T9."""
    said = start_child("""
import logging, types
sys.modules["uwsgi"] = types.SimpleNamespace(opt={}, worker_id=lambda: 1, masterpid=lambda: 1)
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
delivery = Delivery(spool)
for n in range(100): emit([n])
say(threading.active_count())
os._exit(0)
""").said()
    assert [line.partition(":")[0] for line in said] == [
        "WARNING events are kept, and not delivered by this process",
        "1",
    ]
    assert sink.requests == []
    all_delivered(100)


def test_a_fork_that_tells_nobody_loses_and_repeats_nothing(start_child: Any, sink: Any, all_delivered: Any) -> None:
    start_child("""
import ctypes, logging
logging.disable()
delivery = Delivery(spool)
emit(range(500)); assert delivery.flush(20) == 0
pid = ctypes.PyDLL(None).fork()  # as a server written in C may do it
emit(range(500, 1000) if pid == 0 else range(1000, 1500))
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
""").said()
    all_delivered(1500)
    assert len(sink.requests) == 1500
