"""Chromium and Firefox, spoken to as they are: no library's own idea of a cookie stands between."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.browsers.browser import (
    HOSTS,
    SECONDS,
    TITLE,
    BrowserError,
    Certificate,
    Cookie,
    Running,
    find_in,
    json_of,
)
from tests.conftest import Program
from websocket import create_connection

__all__ = ["Chromium", "Firefox"]

#: A headless Chromium says that it is one, and is then a bot.
CHROMIUM_USER_AGENT: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
FIREFOX_PREFERENCES: Final = {
    "network.dns.forceResolve": "127.0.0.1",
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
#: What either writes once it can be spoken to: a port and a path, or JSON.
ANNOUNCED: Final = r"\A(?:\d+\n/\S{20,}|\{.*\})\s*\Z"


class Wire:
    """Commands and their answers over a WebSocket: Chromium's DevTools and Firefox's BiDi are both written so."""

    def __init__(self, url: str) -> None:
        self._socket = create_connection(url, timeout=SECONDS, suppress_origin=True)
        self._last = 0
        self._events: list[str] = []

    def call(self, method: str, params: dict[str, Any] | None = None, **beside: str) -> dict[str, Any]:
        """Send a command and return its result."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params or {}, **beside}))
        while (message := self._receive()).get("id") != self._last:
            self._events.append(message.get("method", ""))
        if message.get("error"):
            raise BrowserError(f"{method}: {message['error']} {message.get('message', '')}")
        result: dict[str, Any] = message["result"]
        return result

    def expect(self, event: str, cause: Callable[[], object]) -> None:
        """Wait until what *cause* does makes an event happen."""
        self._events.clear()
        cause()
        while event not in self._events:
            self._events.append(self._receive().get("method", ""))

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv())
        return message

    def close(self) -> None:
        self._socket.close()


class Remote:
    """What is alike in browsers that are spoken to over a WebSocket and write its port to a file."""

    hosts = HOSTS
    quit = ""  #: the command to close the browser

    def __init__(self, argv: Sequence[str | Path], folder: Path, announced: Path) -> None:
        self._argv, self._folder, self._announced = argv, folder, announced
        self._open()

    def _open(self) -> None:
        self._announced.unlink(missing_ok=True)
        self._running = Running(self._argv, self._folder)
        try:
            self._begin(self._running.wait_for(lambda: find_in(self._announced, ANNOUNCED)))
        except BaseException:
            self._running.kill()
            raise

    def _begin(self, announced: str) -> None:
        raise NotImplementedError

    def _connect(self, url: str) -> None:
        self._wire = Wire(url)

    def run(self, script: str) -> Any:
        raise NotImplementedError

    def title(self) -> str:
        try:
            return str(self.run(TITLE))
        except BrowserError:
            return ""

    def reopen(self) -> None:
        self._leave()
        self._open()

    def close(self) -> None:
        try:
            self._leave()
        finally:
            self._running.kill()

    def _leave(self) -> None:
        self._wire.call(self.quit)
        self._wire.close()
        self._running.wait()


class Chromium(Remote):
    """Debian's Chromium, told what to do by its DevTools protocol."""

    quit = "Browser.close"

    def __init__(self, program: Program, folder: Path, certificate: Certificate) -> None:
        argv = [
            program("chromium", "chromium"),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder / 'profile'}",
            f"--user-agent={CHROMIUM_USER_AGENT}",
            f"--host-resolver-rules={','.join(f'MAP {host} 127.0.0.1' for host in HOSTS.values())}",
            # Not --ignore-certificate-errors, which switches the HTTP cache off.
            f"--ignore-certificate-errors-spki-list={certificate.fingerprint}",
            "about:blank",
        ]
        super().__init__(argv, folder, folder / "profile" / "DevToolsActivePort")

    def _begin(self, announced: str) -> None:
        port, path = announced.split()
        self._connect(f"ws://127.0.0.1:{port}{path}")
        target = self._wire.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._page = self._wire.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self._call("Page.enable")

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._wire.call(method, params, sessionId=self._page)

    def visit(self, url: str) -> None:
        def go() -> None:
            if failed := self._call("Page.navigate", url=url).get("errorText"):
                raise BrowserError(f"{url}: {failed}")

        self._wire.expect("Page.loadEventFired", go)

    def run(self, script: str) -> Any:
        answer = self._call("Runtime.evaluate", expression=json_of(script), awaitPromise=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        return json.loads(answer["result"]["value"])

    def cookies(self) -> list[Cookie]:
        return [
            Cookie(
                name=one["name"],
                value=one["value"],
                domain=one["domain"],
                lifetime=None if one["session"] else one["expires"] - time.time(),
                secure=one["secure"],
                http_only=one["httpOnly"],
                same_site=one.get("sameSite", "").lower(),
            )
            for one in self._wire.call("Storage.getCookies")["cookies"]
        ]

    def drop_cookies(self) -> None:
        self._wire.call("Storage.clearCookies")

    def start_afresh(self) -> None:
        self.drop_cookies()
        self._call("Network.clearBrowserCache")


class Firefox(Remote):
    """Debian's Firefox, told what to do by WebDriver BiDi."""

    quit = "browser.close"

    def __init__(self, program: Program, folder: Path, _certificate: Certificate) -> None:
        path = program("firefox-esr", "firefox-esr")
        profile = folder / "profile"
        profile.mkdir()
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in FIREFOX_PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        argv: list[str | Path] = [
            path,
            "--headless",
            "--no-remote",
            "--profile",
            profile,
            "--remote-debugging-port",
            "0",
        ]
        super().__init__(argv, folder, profile / "WebDriverBiDiServer.json")

    def _begin(self, announced: str) -> None:
        self._connect(f"ws://127.0.0.1:{json.loads(announced)['ws_port']}/session")
        self._wire.call("session.new", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": True}}})
        self._page = self._wire.call("browsingContext.getTree")["contexts"][0]["context"]

    def visit(self, url: str) -> None:
        self._wire.call("browsingContext.navigate", {"context": self._page, "url": url, "wait": "complete"})

    def run(self, script: str) -> Any:
        target = {"context": self._page}
        answer = self._wire.call(
            "script.evaluate",
            {"expression": json_of(script), "target": target, "awaitPromise": True, "userActivation": True},
        )
        if answer["type"] != "success":
            raise BrowserError(str(answer["exceptionDetails"]))
        return json.loads(answer["result"]["value"])

    def cookies(self) -> list[Cookie]:
        """List what the jar holds.

        Firefox goes on listing one in some hundred of the cookies that Max-Age=0 ended, never to be sent again, with
        the moment of their end rounded to a second.
        """
        ended = time.time() + 1
        return [
            Cookie(
                name=one["name"],
                value=one["value"]["value"],
                domain=one["domain"],
                lifetime=one["expiry"] - time.time() if "expiry" in one else None,
                secure=one["secure"],
                http_only=one["httpOnly"],
                same_site=one["sameSite"],
            )
            for one in self._wire.call("storage.getCookies")["cookies"]
            if one.get("expiry", math.inf) > ended
        ]

    def drop_cookies(self) -> None:
        self._wire.call("storage.deleteCookies")

    def start_afresh(self) -> None:
        self.drop_cookies()
