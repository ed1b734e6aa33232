"""Who is logged in, as far as one request knows: by its own login or logout, else as the site says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from footfall.site import Site

__all__ = ["LoggedIn", "UserAwaited"]

WAIT: Final = 1.0  #: seconds that a site's answer may be awaited; then nobody is logged in


class UserAwaited(Exception):
    """Who is logged in can only be told by waiting, which a view's call cannot."""


class LoggedIn:
    """Asks the site when first needed, and not again: once a request has learned of a login, it knows better."""

    __slots__ = ("_request", "_site", "awaited", "known", "name", "signalled")

    def __init__(self, site: Site, request: Callable[[], object] | None) -> None:
        """Ask nothing yet."""
        self._site = site
        self._request = request
        self.name: str | None = None  #: the user; ``None``: nobody, or nobody knows yet
        self.known = False  #: the site was asked, or the request learned by itself
        self.signalled = False  #: the framework has just logged somebody in
        self.awaited = False  #: the site's answer has to be waited for: `wait`

    def ask(self) -> str | None:
        """Return the user; ``None`` for nobody, and while the answer is awaited."""
        if not self.known and not self.awaited:
            try:
                self.name, self.known = self._site.ask_user(self._request), True
            except UserAwaited:
                self.awaited = True
        return self.name

    async def wait(self) -> None:
        """Wait for the site's answer, a second at most."""
        from anyio import move_on_after

        with move_on_after(WAIT):
            self.name = await self._site.ask_user_async(self._request)
        self.learn(self.name)

    def learn(self, name: str | None) -> None:
        """Take a user, or nobody, for the rest of the request."""
        self.name, self.known, self.signalled, self.awaited = name, True, False, False

    def give_up(self) -> None:
        """Stop waiting: this door cannot, so nobody is logged in."""
        if self.awaited:
            self._site.warn_once(
                "user_id awaited", "Site(user_id=...) has to be awaited, which this door cannot: write a plain function"
            )
            self.learn(None)

    def signal(self) -> None:
        """Note that the framework has just logged somebody in: what was known is no longer true."""
        self.signalled, self.known, self.awaited = True, False, False

    def release(self) -> None:
        """Let go of the framework's request."""
        self._request = None
