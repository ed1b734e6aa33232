from __future__ import annotations

from typing import Any

import pytest

from footfall.errors import DeliveryError


@pytest.fixture(params=["sqlite", "memory"])
def where(request: pytest.FixtureRequest, spool: str) -> str:
    return spool if request.param == "sqlite" else "memory:"


def test_an_accepted_request_reaches_the_tracker(where: str, make_delivery: Any, request_to: Any, sink: Any) -> None:
    delivery = make_delivery(where)
    assert delivery.accept([request_to("/click?item=1")])
    assert delivery.flush(10) == 0
    assert sink.targets == ["/click?item=1"]


def test_accepted_is_the_sum_of_what_became_of_it(where: str, make_delivery: Any, request_to: Any) -> None:
    delivery = make_delivery(where)
    delivery.accept([request_to(f"/{n}") for n in range(50)])
    delivery.set_aside("main", "buy", "visitor", "no price")
    for _ in range(20):
        stats = delivery.stats()
        assert stats.accepted == 51 == stats.delivered + stats.pending + stats.failed + stats.erased
        delivery.flush(0.02)


def test_after_close_accept_says_what_to_do(make_delivery: Any, request_to: Any) -> None:
    delivery = make_delivery()
    delivery.accept([request_to()])
    delivery.close()
    with pytest.raises(DeliveryError, match="make a new Delivery"):
        delivery.accept([request_to()])
