"""A browser of the tests: a jar, a clock, and a site that it asks."""

from __future__ import annotations

from collections.abc import Mapping

from tests.identity.asking import PAGE, PAYMENT_RETURN, respond, set_cookies, view
from tests.identity.jar import Jar

from footfall import Site, Tracking
from footfall.testing import Clock

__all__ = ["Browser"]

WWW = "https://www.shop.example/shirt"


class Browser:
    """One browser and its visits to one site."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self._site = site
        self.clock = clock
        self.jar = Jar(clock)

    def open(self, url: str = WWW) -> tuple[str | None, str | None]:
        """Open a page; the ids that it was served under."""
        return self.ask(url)

    def come_back_from_paying(self, url: str = WWW) -> tuple[str | None, str | None]:
        """Be sent back by a payment provider's form."""
        return self.ask(url, method="POST", headers=PAYMENT_RETURN)

    def ask(self, url: str, *, method: str = "GET", headers: Mapping[str, str] = PAGE) -> tuple[str | None, str | None]:
        """Send a request with what is in the jar, keep what comes back."""
        ids: list[str | None] = []

        def see(tracking: Tracking) -> None:
            ids[:] = tracking.device_id, tracking.session_id

        cookie = self.jar.send(url, cross_site_post=headers is PAYMENT_RETURN)
        answer = respond(self._site, view(url, method=method, headers=headers, cookie=cookie), see)
        self.jar.keep(url, set_cookies(answer))
        device, session = ids
        return device, session
