"""Replays the visits in the shop: one browser for each visitor, all on the file's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from footfall.demo.browser import Browser, connect
from footfall.demo.shop import CONSENT
from footfall.demo.visits import Step
from footfall.errors import FootfallError

__all__ = ["replay"]


def replay(steps: Iterable[Step], shop: str, device_cookie: str, on_step: Callable[[], object]) -> dict[int, str]:
    """Visit the shop as the visitors of the file did, as fast as it answers.

    Args:
        steps: What they did, in order.
        shop: Its ``http://host:port``.
        device_cookie: The name of the cookie that tells browsers apart.
        on_step: Called after each step.

    Returns:
        The device id that each visitor's browser has in the end.

    Raises:
        FootfallError: The shop answered with an error, or gave a browser no device id.
        OSError: The shop does not answer.
    """
    browsers: dict[int, Browser] = {}
    latest: dict[int, float] = {}
    connection = connect(shop)
    try:
        for step in steps:
            if step.visitor not in browsers:
                browsers[step.visitor] = Browser(connection, shop)
                # The visitors of the file are assumed to consent: each first presses the banner's button.
                browsers[step.visitor].submit(f"{CONSENT}?grant", step.at)
            _play(step, browsers[step.visitor])
            latest[step.visitor] = step.at
            on_step()
    finally:
        connection.close()
    return {visitor: _device(browser, device_cookie, latest[visitor]) for visitor, browser in browsers.items()}


def _play(step: Step, browser: Browser) -> None:
    page = f"/product/{step.item}"
    if step.action == "click":
        browser.open(page, step.at)
    else:
        browser.submit(f"{page}/{'basket' if step.action == 'basket' else 'order'}", step.at)


def _device(browser: Browser, cookie: str, now: float) -> str:
    device = browser.cookies.value(cookie, now)
    if device is None:
        raise FootfallError(f"the shop set no cookie {cookie}; look at the site's consent and classify settings")
    return device
