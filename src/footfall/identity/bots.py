"""Who is no person: crawlers, monitors and scripts, by their user agent."""

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
    """Load 1,500 maintained patterns if they are installed; their absence is no error.

    Raises:
        BrokenExtra: They are, and cannot be imported. A site asks when it is made: no page does first.
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
    """Tell whether a user agent belongs to a program. An empty one does.

    With the extra ``bots`` the patterns of crawler-user-agents are asked too.
    """
    return _is_bot(user_agent[:1024])


@lru_cache(maxsize=4096)  # keys of bounded length: a user agent may be as long as its server takes
def _is_bot(agent: str) -> bool:
    return not agent.strip() or WORDS.search(agent) is not None or bool(_is_known_crawler()(agent))
