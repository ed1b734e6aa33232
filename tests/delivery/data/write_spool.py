"""Writes the spool and journal of a process that was killed, as the installed release writes them.

    python tests/delivery/data/write_spool.py tests/delivery/data/RELEASE.tar.gz

It uses public names alone, so that any release can be kept as a file for later ones to read.
"""

from __future__ import annotations

import os
import socket
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from footfall.delivery import Delivery
from footfall.wire import WhenUnanswered, WireRequest


def write(folder: Path) -> None:
    """Fill a spool and a journal, and die."""
    silent = socket.create_server(("127.0.0.1", 0))  # it never answers
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"

    def request(path: str, visitor: str, **more: object) -> WireRequest:
        return WireRequest(tracker="main", kind="click", url=url + path, visitor=visitor, **more)  # type: ignore[arg-type]

    delivery = Delivery(f"sqlite:///{folder}/spool.sqlite3", max_pending_bytes=1024 * 1024)
    delivery.accept([
        request("/under-way", "anna", when_unanswered=WhenUnanswered.SET_ASIDE),
        request("/behind", "anna"),
        request("/login", "bert", once="bert logs in"),
        request("/cleo", "cleo"),
    ])  # fmt: skip
    delivery.set_aside("main", "rate", "bert", "no rating")
    delivery.refuse("main", "bot", 3)
    time.sleep(3)  # until all that is in the spool, or under way
    delivery.accept([
        request("/login-again", "bert", once="bert logs in"),
        request("/post", "dora", method="POST", headers=(("X-Key", "\u00fc"),), body=b"\x00\xff"),
    ])  # fmt: skip
    delivery.set_aside("other", "buy", "", "no price")
    delivery.erase("cleo")
    os._exit(0)


def main(target: Path) -> None:
    """Have a child write, and pack what it leaves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        child = os.fork()
        if not child:
            write(folder)
        os.waitpid(child, 0)
        with tarfile.open(target, "w:gz") as archive:
            for path in sorted(folder.rglob("*")):
                archive.add(path, path.relative_to(folder), recursive=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
