"""What the operating system does to delivery: silent name servers, full disks, read-only files, programs it starts."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from tests.conftest import Program


@pytest.fixture
def apart(program: Program) -> list[str]:
    """A command before another one: that then has mounts of its own; with ``--net``, a network too."""
    command = [program("unshare", "util-linux"), "--map-root-user", "--mount"]
    try:
        subprocess.run([*command, "--net", "true"], check=True, capture_output=True, timeout=10)
    except subprocess.SubprocessError:  # a container's kernel may forbid it, whatever is installed
        pytest.skip("this system gives a process no mounts and no network of its own")
    return command


SILENT_NAME_SERVER = """
import ctypes, fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS: up
resolv = os.path.dirname(spool[len("sqlite:///"):]) + "/resolv.conf"
with open(resolv, "w") as file:
    file.write("nameserver 127.0.0.1\\n")
assert ctypes.CDLL(None).mount(resolv.encode(), b"/etc/resolv.conf", None, 4096, None) == 0  # MS_BIND
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
"""


def test_a_name_server_that_never_answers_holds_nothing_up_and_loses_nothing(start_child: Any, apart: Any) -> None:
    """T15: a name's resolution is within the timeout, and no end waits for it."""
    said = start_child(
        SILENT_NAME_SERVER
        + """
def unknown(kind, when):
    return WireRequest(tracker="main", kind=kind, url="http://tracker.example/", when_unanswered=when)
delivery = Delivery(spool, timeout=timedelta(seconds=0.5))
delivery.accept([unknown("click", WhenUnanswered.REPEAT), unknown("buy", WhenUnanswered.SET_ASIDE)])
server.settimeout(20)
server.recv(512)  # it was asked
say(delivery.flush(2))
with __import__("contextlib").closing(__import__("sqlite3").connect(spool[len("sqlite:///"):])) as db:
    say(db.execute("SELECT count(*) FROM requests WHERE attempts > 0").fetchone()[0])
start = time.monotonic()
say(delivery.close(1))
say(time.monotonic() - start < 5)
""",
        within=[*apart, "--net"],
    ).said()
    assert said == ["2", "2", "2", "True"]


def test_a_full_disk_refuses_what_comes_and_keeps_what_is_there(start_child: Any, apart: Any) -> None:
    """A real one: writing through a mapping to a disk without room would kill the process."""
    said = start_child(
        """
import collections, ctypes, logging
logging.disable()
folder = os.path.dirname(spool[len("sqlite:///"):])
assert ctypes.CDLL(None).mount(b"none", folder.encode(), b"tmpfs", 0, b"size=56m") == 0
with open(folder + "/ballast", "wb") as file:
    file.write(bytes(16 * 1024 * 1024))
told = []
delivery = Delivery(spool, on_drop=lambda *drop: told.append(drop))
def accept(n):
    url = f"http://127.0.0.1:9/{n}?{'x' * 2000}"
    return delivery.accept([WireRequest(tracker="main", kind="click", url=url, visitor=str(n % 50))])
def accept_until(wanted):
    deadline = time.monotonic() + 30
    counts = collections.Counter()
    while not counts[wanted]:
        assert time.monotonic() < deadline, counts
        counts[accept(sum(counts.values()))] += 1
    return counts
first = accept_until(False)
stats = delivery.stats()
say(stats.accepted == stats.pending == first[True])
say(stats.refused)
os.remove(folder + "/ballast")
second = accept_until(True)
delivery.flush(3)
stats = delivery.stats()
say(stats.accepted == stats.pending == first[True] + second[True])
say(sum(number for _, _, number in told) == first[False] + second[False] == sum(stats.refused.values()))
""",
        within=apart,
    ).said()
    assert said == ["True", "{'full': 1}", "True", "True"]


def test_a_disk_that_our_own_events_have_filled_is_emptied_by_delivering(
    start_child: Any, apart: Any, sink: Any
) -> None:
    sink.close()
    child = start_child(
        """
import ctypes, logging
logging.disable()
folder = os.path.dirname(spool[len("sqlite:///"):])
assert ctypes.CDLL(None).mount(b"none", folder.encode(), b"tmpfs", 0, b"size=48m") == 0
delivery = Delivery(spool)
taken = 0
while delivery.accept([WireRequest(tracker="main", kind="click", url=f"{url}/{taken}?{'x' * 2000}")]):
    taken += 1
say("full")
sys.stdin.readline()
say(delivery.flush(40))
say(taken)
""",
        within=apart,
    )
    child.wait_for("full")
    sink.open()
    child.tell("go on")
    pending, taken = child.said()
    assert (pending, len(set(sink.targets))) == ("0", int(taken))


def test_forty_workers_need_no_more_of_a_disk_than_one(start_child: Any, apart: Any) -> None:
    said = start_child(
        """
import collections, ctypes
from pathlib import Path
from footfall.delivery.journal.journal import Journal
folder = os.path.dirname(spool[len("sqlite:///"):])
assert ctypes.CDLL(None).mount(b"none", folder.encode(), b"tmpfs", 0, b"size=157m") == 0
workers = [Journal(Path(folder) / "spool.sqlite3.outbox", limit=1024 * 1024 * 1024) for _ in range(40)]
said = collections.Counter()
for _ in range(20):
    for worker in workers:
        said[worker.append([(1, b"x" * 500)])] += 1
        worker.prepare()
say(dict(said))
""",
        within=apart,
    ).said()
    assert said == ["{None: 800}"]


def test_a_spool_that_cannot_be_written_is_said_and_its_events_wait(start_child: Any, apart: Any, sink: Any) -> None:
    said = start_child(
        """
import ctypes, logging
path = spool[len("sqlite:///"):].encode()
first = Delivery(spool); first.warm_up(); first.close()
libc = ctypes.CDLL(None)
assert libc.mount(path, path, None, 4096, None) == 0  # MS_BIND
assert libc.mount(path, path, None, 4096 | 32 | 1, None) == 0  # MS_BIND | MS_REMOUNT | MS_RDONLY
logging.basicConfig(stream=sys.stdout, format="%(message)s")
delivery = Delivery(spool)
emit(range(100))
say(delivery.flush(1))
assert libc.umount(path) == 0
logging.disable()
say(delivery.flush(20))
""",
        within=apart,
    ).said()
    assert (said[-2:], len(sink.requests)) == (["100", "0"], 100)
    assert any("cannot be opened (Read-only file system): give this process write access" in line for line in said)


def test_a_program_that_the_application_starts_inherits_no_file_or_socket(start_child: Any, sink: Any) -> None:
    said = start_child("""
import sqlite3, urllib.request, pycurl  # what these open for themselves is not meant
def inheritable():
    fds = {int(fd) for fd in os.listdir("/proc/self/fd")}
    return {fd for fd in fds if os.path.lexists(f"/proc/self/fd/{fd}") and os.get_inheritable(fd)}
before = inheritable()
delivery = Delivery(spool)
emit(range(200)); assert delivery.flush(20) == 0
emit(range(200, 400))
say(sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in inheritable() - before))
""").said()
    assert said == ["[]"]


def test_all_that_a_working_delivery_writes_is_for_its_owner_alone(start_child: Any) -> None:
    said = start_child("""
import stat
os.umask(0)
delivery = Delivery(spool)
emit(range(20_000)); delivery.flush(20)
place = os.path.dirname(spool[len("sqlite:///"):])
files = [os.path.join(folder, name) for folder, _, names in os.walk(place) for name in names]
# A journal file made ahead, and how much was moved: or not yet.
say(sorted({os.path.splitext(name)[1] for name in files} - {'.new', ''}))
say({oct(stat.S_IMODE(os.stat(name).st_mode)) for name in files})
say(oct(stat.S_IMODE(os.stat(spool[len("sqlite:///"):] + ".outbox").st_mode)))
""").said()
    assert said == ["['.alive', '.segment', '.sqlite3', '.sqlite3-shm', '.sqlite3-wal']", "{'0o600'}", "0o700"]
