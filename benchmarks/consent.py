"""What one call of each consent reader costs: the first with a value, and each later one, which is remembered.

    python benchmarks/consent.py

In microseconds, best of seventy; a goal of at most 1 for a known value.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.consent.platforms import PLATFORMS

from footfall.config import ConsentReader
from footfall.consent import cookie_names_of, own_cookie
from footfall.request import CookieFinder, RequestView

CALLS = 2_000
REST = "_ga=GA1.2.1231995605.1614135864; _gid=GA1.2.619816091.1614135864; cart=abcdef0123456789"


def ask(reader: ConsentReader, header: str) -> RequestView:
    """Make a request whose cookies have been looked at, as the ids' have been by then."""
    request = RequestView(
        method="GET", scheme="https", host="shop.example", path="/", query="", header={"cookie": header}.get
    )
    request.time = 1764000000.0
    request.finder = CookieFinder(["rsa", "rsaSession", *cookie_names_of(reader)])
    request.sent()
    return request


def measure(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=CALLS, repeat=70)) / CALLS * 1e6


def main() -> None:
    readers = {name: (one.reader, one.granted) for name, one in PLATFORMS.items()}
    readers["own cookie"] = (own_cookie, "footfallConsent=1.g.g.1764000000")
    print(f"{'reader':<20}{'new':>8}{'known':>8}  us")
    for name, (make, header) in readers.items():
        request = ask(make(), f"{header}; {REST}")
        made = measure(make)
        new = measure(lambda make=make, request=request: make()(request)) - made
        reader = make()
        known = measure(lambda reader=reader, request=request: reader(request))
        print(f"{name:<20}{new:>8.2f}{known:>8.2f}")


if __name__ == "__main__":
    main()
