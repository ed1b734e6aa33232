"""What a test does with a browser, whichever it is; and the process that one is."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

__all__ = [
    "HOSTS",
    "LOCAL_HOSTS",
    "SECONDS",
    "TITLE",
    "Browser",
    "BrowserError",
    "Certificate",
    "Cookie",
    "Running",
    "find_in",
    "json_of",
]

#: A shop and two of its hosts, another shop, and a site that is neither's.
HOSTS: Final = {
    "shop": "shop.example",
    "www": "www.shop.example",
    "basket": "basket.shop.example",
    "open": "open.test",
    "other": "other.test",
}
#: The same for a browser that cannot be told where hosts lie, but knows where these must (RFC 6761, 6.3).
LOCAL_HOSTS: Final = {name: f"{host.rpartition('.')[0]}.localhost" for name, host in HOSTS.items()}
SECONDS: Final = 45.0  # that any one thing may take a browser; a busy machine is slow to start one
TITLE: Final = "document.readyState === 'complete' ? document.title : ''"


@dataclass(frozen=True)
class Cookie:
    """A cookie as a browser holds it."""

    name: str
    value: str
    domain: str  #: with a leading dot unless it is host-only
    lifetime: float | None  #: seconds from now; ``None``: until the browser closes
    secure: bool
    http_only: bool
    same_site: str  #: in lower case


class Browser(Protocol):
    """What a test does with a browser. Any of it raises `BrowserError` where the browser does not do it."""

    @property
    def hosts(self) -> Mapping[str, str]:
        """What it calls the hosts of the tests."""

    def visit(self, url: str) -> None:
        """Open a page as if its address had been typed, and wait until it is loaded."""

    def run(self, script: str) -> Any:
        """Run an expression in the page; what it promises is waited for, and must be JSON."""

    def title(self) -> str:
        """Return the title of the page in view; ``""`` between two pages."""

    def cookies(self) -> list[Cookie]:
        """Return the jar: WebKit only shows what belongs to the page in view."""

    def drop_cookies(self) -> None:
        """Empty the jar, and stay on the page, whose next call carries none."""

    def start_afresh(self) -> None:
        """Become the browser of somebody who has never been anywhere."""

    def reopen(self) -> None:
        """Close the browser as a person does, and open it again."""

    def close(self) -> None:
        """Close it for good."""


class BrowserError(Exception):
    """A browser did not do what it was told."""


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for every host of ours."""

    path: Path
    key: Path
    fingerprint: str  #: of its public key, as Chromium wants it


class Running:
    """A browser's process, and all that it starts."""

    def __init__(self, argv: Sequence[str | Path], folder: Path, **environment: str) -> None:
        folder.mkdir(exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
        home = {"HOME": str(folder), "TMPDIR": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self.log = folder / "log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**inherited, **home, **environment},
                start_new_session=True,
            )

    def wait_for(self, found: Callable[[], str | None]) -> str:
        """Look until it has come up, and return what shows it."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if (value := found()) is not None:
                return value
            time.sleep(0.02)
        self.kill()
        raise BrowserError(f"it did not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def wait(self) -> None:
        """Wait until it has ended by itself."""
        self._process.wait(SECONDS)

    def kill(self) -> None:
        """End it and all that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(5)


def json_of(script: str) -> str:
    return f"(async () => JSON.stringify(await ({script})) ?? 'null')()"


def find_in(file: Path, pattern: str) -> str | None:
    """Return what a program has written to a file, once it is there."""
    try:
        found = re.search(pattern, file.read_text(errors="replace"), re.MULTILINE | re.DOTALL)
    except FileNotFoundError:
        return None
    return found.group() if found else None
