"""Requests with a cookie header, and a privacy signal, of a test's choice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from footfall.request import RequestView

NOW = 1_764_000_000.0


@pytest.fixture(scope="session")
def visit() -> Callable[..., RequestView]:
    """``visit("name=value", gpc="1", at=...)``: a request, by default at 1764000000 Unix seconds."""

    def make(cookie: str | None = None, *, gpc: str | None = None, at: float = NOW) -> RequestView:
        headers = {"cookie": cookie, "sec-gpc": gpc}
        return RequestView(
            method="GET", scheme="https", host="shop.example", path="/", query="", header=headers.get, time=at
        )

    return make
