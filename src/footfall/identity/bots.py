"""Tells crawlers, monitors and scripts from persons, by their user agent."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from footfall.errors import BrokenExtra, missing_or_broken

__all__ = ["is_bot"]

# For sites without the extra "bots". A phone named CUBOT is a phone.
WORDS = re.compile(
    r"(?<!cu)bot|crawl|spider|slurp|archiver|scrap|headless|lighthouse|preview|facebookexternalhit|monitor|uptime"
    r"|python|curl|wget|libwww|java/|go-http|okhttp|axios|node-fetch|httpclient",
    re.IGNORECASE,
)


@cache
def _is_known_crawler() -> Callable[[str], bool]:
    """Load 1,500 maintained patterns if they are installed; it is no error if they are not.

    Raises:
        BrokenExtra: They are installed, but cannot be imported. Raised when a site is made, not on a page.
    """
    try:
        from crawleruseragents import is_crawler
    except ImportError as error:
        if isinstance(found := missing_or_broken("ignore_bots", "bots", "crawleruseragents", error), BrokenExtra):
            raise found from error
        return lambda user_agent: False  # noqa: ARG005 - the crawler list's own signature
    crawler: Callable[[str], bool] = is_crawler
    return crawler


def is_bot(user_agent: str) -> bool:
    """Tell whether a user agent belongs to a program. An empty one counts as a program's.

    With the extra ``bots``, the patterns of crawler-user-agents are used too.
    """
    return _is_bot(user_agent[:1024])


@lru_cache(maxsize=4096)  # keys are cut short: a user agent may be as long as the server takes
def _is_bot(agent: str) -> bool:
    return not agent.strip() or WORDS.search(agent) is not None or bool(_is_known_crawler()(agent))
