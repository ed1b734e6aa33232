"""Tells crawlers, monitors and scripts from persons, by their user agent."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

__all__ = ["is_bot"]

# What the maintained list lacks, with the commonest of what it has: they are found sooner. A phone named CUBOT is a
# phone.
WORDS = re.compile(
    r"(?<!cu)bot|crawl|spider|slurp|archiver|scrap|headless|lighthouse|preview|facebookexternalhit|monitor|uptime"
    r"|python|curl|wget|libwww|java/|go-http|okhttp|axios|node-fetch|httpclient"
    # Probes of infrastructure: Kubernetes, load balancers of Amazon, Google, Azure, Consul, Envoy, HAProxy.
    r"|probe|health.?check|googlehc|envoy/hc|alwayson|load balancer agent|readyforrequest|prometheus|haproxy",
    re.IGNORECASE,
)


@cache
def _is_known_crawler() -> Callable[[str], bool]:
    """Load 1,500 maintained patterns: when a door starts, for they take some 40 ms."""
    from crawleruseragents import is_crawler

    crawler: Callable[[str], bool] = is_crawler
    return crawler


def is_bot(user_agent: str) -> bool:
    """Tell whether a user agent belongs to a program. An empty one counts as a program's."""
    return _is_bot(user_agent[:1024])


@lru_cache(maxsize=4096)  # keys are cut short: a user agent may be as long as the server takes
def _is_bot(agent: str) -> bool:
    return not agent.strip() or WORDS.search(agent) is not None or _is_known_crawler()(agent)
