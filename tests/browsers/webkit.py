"""WebKitGTK, by WebDriver, on a screen that nobody sees."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any, Final

from tests.browsers.browser import (
    LOCAL_HOSTS,
    SECONDS,
    TITLE,
    BrowserError,
    Certificate,
    Cookie,
    Running,
    find_in,
    json_of,
)
from tests.conftest import Program, free_port

__all__ = ["WebKit"]

ENVIRONMENT: Final = {
    "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # pages of our own
    "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
    "LIBGL_ALWAYS_SOFTWARE": "1",
    "GDK_BACKEND": "x11",
    "NO_AT_BRIDGE": "1",
    "GIO_USE_VFS": "local",
}


class WebKit:
    """WebKitGTK's MiniBrowser, told what to do by WebDriver. It keeps nothing once it is closed, and is not Safari."""

    hosts = LOCAL_HOSTS

    def __init__(self, program: Program, folder: Path, _certificate: Certificate) -> None:
        driver, screen = program("WebKitWebDriver", "webkit2gtk-driver"), program("Xvfb", "xvfb")
        binary = next(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"), Path("MiniBrowser"))
        self._binary = program(str(binary), "libwebkit2gtk-4.1-0")
        self._driver, self._folder = driver, folder
        self._screen = Running([screen, "-displayfd", "1", "-nolisten", "tcp"], folder / "screen")
        self._running = [self._screen]
        try:
            self._start_driver()
            self._begin()
        except BaseException:
            self._kill()
            raise

    def _start_driver(self) -> None:
        for running in self._running[1:]:
            running.kill()
        number = self._screen.wait_for(lambda: find_in(self._screen.log, r"^\d+$"))
        self._port = free_port()
        argv = [self._driver, f"--port={self._port}"]
        self._running[1:] = [Running(argv, self._folder / f"driver{self._port}", DISPLAY=f":{number}", **ENVIRONMENT)]
        self._running[1].wait_for(self._status)

    def _status(self) -> str | None:
        try:
            return str(self._call("GET", "/status"))
        except OSError:
            return None

    def _begin(self) -> None:
        options = {"binary": self._binary, "args": ["--automation"]}
        wanted = {"acceptInsecureCerts": True, "webkitgtk:browserOptions": options}
        capabilities = {"capabilities": {"alwaysMatch": wanted}}
        try:
            self._session = self._call("POST", "/session", capabilities)["sessionId"]
        except TimeoutError:  # once in a thousand times its driver starts a browser that it does not hear from
            self._start_driver()
            self._session = self._call("POST", "/session", capabilities)["sessionId"]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        try:
            connection.request(method, path, json.dumps(body or {}) if method == "POST" else None)
            reply = connection.getresponse()
            value = json.loads(reply.read())["value"]
        finally:
            connection.close()
        if reply.status != 200:
            raise BrowserError(f"{method} {path.rpartition('/')[2]}: {value}")
        return value

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._call(method, f"/session/{self._session}{path}", body)

    def visit(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str) -> Any:
        return json.loads(self._ask("POST", "/execute/sync", {"script": f"return {json_of(script)}", "args": []}))

    def title(self) -> str:
        try:
            return str(self.run(TITLE))
        except BrowserError:
            return ""

    def cookies(self) -> list[Cookie]:
        return [
            Cookie(
                name=one["name"],
                value=one["value"],
                domain=one["domain"],
                lifetime=one["expiry"] - time.time() if "expiry" in one else None,
                secure=one["secure"],
                http_only=one["httpOnly"],
                same_site=one["sameSite"].lower(),
            )
            for one in self._ask("GET", "/cookie")
        ]

    def drop_cookies(self) -> None:
        self._ask("DELETE", "/cookie")
        # It answers as soon as it has told its network process, where a page's next call may overtake the word and
        # carry every cookie. What it says of its jar comes from there, and after the word.
        deadline = time.monotonic() + SECONDS
        while left := self._ask("GET", "/cookie"):
            if time.monotonic() > deadline:
                raise BrowserError(f"it keeps {', '.join(one['name'] for one in left)}")
            time.sleep(0.02)

    def start_afresh(self) -> None:
        self._ask("DELETE", "")
        self._begin()

    def reopen(self) -> None:
        raise NotImplementedError("driven, it has no profile that would outlive it")

    def close(self) -> None:
        try:
            self._ask("DELETE", "")
        finally:
            self._kill()

    def _kill(self) -> None:
        for running in reversed(self._running):
            running.kill()
