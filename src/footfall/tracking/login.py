"""Who is logged in, as far as one request knows: by its own login or logout, else as the site says."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from footfall.policy import Policy

__all__ = ["LoggedIn", "UserAwaited"]

WAIT: Final = 1.0  #: seconds that a site's answer may be awaited; then nobody is logged in


class UserAwaited(Exception):
    """Who is logged in can only be told by waiting, which a view's call cannot."""


class LoggedIn:
    """Asks the site when first needed, and not again: once a request has learned of a login, it knows better."""

    __slots__ = ("_policy", "_request", "awaited", "known", "name")

    def __init__(self, policy: Policy, request: Callable[[], object] | None) -> None:
        """Ask nothing yet."""
        self._policy = policy
        self._request = request
        self.name: str | None = None  #: the user; ``None``: nobody, or nobody knows yet
        self.known = False  #: the site was asked, or the request learned by itself
        self.awaited = False  #: the site's answer has to be waited for: `wait`

    def ask(self) -> str | None:
        """Return the user; ``None`` for nobody, and while the answer is awaited."""
        if not self.known and not self.awaited:
            try:
                self.name, self.known = self._answer(), True
            except UserAwaited:
                self.awaited = True
        return self.name

    async def wait(self) -> None:
        """Wait for the site's answer, a second at most."""
        from anyio import move_on_after

        with move_on_after(WAIT):
            self.name = await self._answer_awaited()
        self.learn(self.name)

    def learn(self, name: str | None) -> None:
        """Take a user, or nobody, for the rest of the request."""
        self.name, self.known, self.awaited = name, True, False

    def give_up(self) -> None:
        """Stop waiting: this door cannot, so nobody is logged in."""
        if self.awaited:
            self._policy.notices.warn_once(
                "user_id awaited", "Site(user_id=...) has to be awaited, which this door cannot: write a plain function"
            )
            self.learn(None)

    def release(self) -> None:
        """Let go of the framework's request."""
        self._request = None

    def _answer(self) -> str | None:
        """Ask the site.

        Raises:
            UserAwaited: Its answer has to be waited for: a coroutine, or a Django user that is not loaded yet.
        """
        ask = self._policy.user_id
        if ask is None or self._request is None:
            return None
        if inspect.iscoroutinefunction(ask):
            raise UserAwaited
        try:
            request = self._request()
            if request is None:  # its response is under way, and nothing of it is left to ask
                return None
            return self._named(ask(request))
        except Exception as error:  # noqa: BLE001 - the site's own code, on a page that must not fail because of us
            if type(error).__name__ == "SynchronousOnlyOperation":  # Django's, which this layer does not know
                raise UserAwaited from None
            self._without_user(error)
            return None

    async def _answer_awaited(self) -> str | None:
        """Ask the site, and wait for the answer: a plain function runs in a thread."""
        if self._policy.user_id is None or self._request is None:
            return None
        ask: Any = self._policy.user_id
        try:
            asked = ask(self._request()) if inspect.iscoroutinefunction(ask) else _in_thread(ask, self._request())
            return self._named(await asked)
        except Exception as error:  # noqa: BLE001 - as above
            self._without_user(error)
            return None

    def _without_user(self, error: Exception) -> None:
        # Not its message: it may quote the user.
        finding = type(error).__name__
        self._policy.notices.warn_once(
            "user_id", f"Site(user_id=...) raised {finding}: the visitor counts as anonymous"
        )

    def _named(self, user: object) -> str | None:
        if user is None or user == "":
            return None
        if isinstance(user, bool) or not isinstance(user, (str, int)):
            finding = type(user).__name__
            self._policy.notices.warn_once(
                "user_id type", f"Site(user_id=...) returned a {finding}; return text or None"
            )
            return None
        return str(user)


async def _in_thread(ask: Callable[[Any], object], request: object) -> object:
    """Call a plain function where it may wait."""
    from asyncio import get_running_loop

    try:
        get_running_loop()
    except RuntimeError:  # trio
        from anyio import to_thread

        return await to_thread.run_sync(ask, request, abandon_on_cancel=True)
    from asgiref.sync import sync_to_async

    return await sync_to_async(ask)(request)  # Django's database connections belong to this one's thread
