from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from footfall.delivery import Delivery
from footfall.errors import ConfigError

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"spool": "footfall.sqlite3"}, 'spool: .* write "sqlite:///footfall.sqlite3"'),
    ({"spool": "sqlite:///"}, "spool: .* write"),
    ({"spool": "sqlite://footfall.sqlite3"}, "three slashes"),
    ({"spool": "sqlite:///:memory:"}, '"memory:"'),
    ({"spool": "postgres://x"}, "spool: is 'postgres://x'; write"),
    ({"spool": None}, "spool: is None"),
    ({"engine": "amqp://localhost"}, 'engine: begins with no scheme that is known; write "postgresql://'),
    ({"engine": 6379}, "engine: is a int; write"),
    ({"engine": "redis://localhost:many"}, "engine: names a host or a port that cannot be; write"),
    ({"engine_durable": True}, "engine_durable: is given without an engine; write engine="),
    ({"durable": "always"}, 'durable: is \'always\'; write "process" or "power"'),
    ({"spool": "memory:", "durable": "power"}, 'durable: is "power", which needs a file'),
    ({"spool": "memory:", "deliver_here": False}, "would deliver nothing"),
    ({"max_pending_bytes": 1000}, "max_pending_bytes: is 1000; write at least 1048576"),
    ({"max_pending_bytes": "1G"}, "max_pending_bytes"),
    ({"retry_for": 60}, r"retry_for: is 60, without a unit; write timedelta\(seconds=60\)"),
    ({"retry_for": timedelta(seconds=-1)}, "retry_for: is -1 seconds; write"),
    ({"timeout": timedelta(0)}, "timeout: is 0 seconds; write"),
    ({"timeout": 10}, r"timeout: is 10, without a unit; write timedelta\(seconds=10\)"),
    ({"concurrency": 0}, "concurrency: is 0; write a whole number from 1 to 1000"),
    ({"concurrency": True}, "concurrency: is True"),
    ({"proxy": "proxy.example:3128"}, 'proxy: does not begin with http.* write "http://proxy.example:3128"'),
    ({"proxy": "ftp://proxy.example"}, "proxy: does not begin with http"),
    ({"proxy": "http://"}, "proxy: is more or less than a scheme, a host and a port"),
    ({"proxy": "http://proxy.example/path"}, "proxy: is more or less than"),
    ({"proxy": "http://proxy.example:99999"}, "proxy: names a host or a port that cannot be"),
    ({"proxy": "http://pr\u00f6xy.example"}, "proxy: has characters that no URL has"),
    ({"proxy": True}, "proxy: is a bool"),
    ({"on_drop": "print"}, "on_drop: is a str; give a function"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG, ids=[str(settings) for settings, _ in WRONG])
def test_a_wrong_setting_names_field_finding_and_remedy(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Delivery(**settings)


def test_making_a_delivery_opens_nothing(tmp_path: Any, start_child: Any) -> None:
    said = start_child("""
import threading
def opened(): return len(os.listdir("/proc/self/fd"))
before = opened()
delivery = Delivery(spool)
say(opened() - before); say(threading.active_count()); say(os.listdir(os.path.dirname(spool[len("sqlite:///"):])))
""").said()
    assert said == ["0", "1", "[]"]


def test_asking_for_counts_creates_nothing(tmp_path: Any, spool: str) -> None:
    delivery = Delivery(spool)
    assert delivery.stats().accepted == delivery.flush(1) == delivery.close(1) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("proxy", ["http://me:s3cret@proxy.example:3128", "http://me:s3cret@proxy.example:99999"])
def test_a_proxys_password_is_never_shown(proxy: str) -> None:
    try:
        shown = repr(Delivery(proxy=proxy).settings)
    except ConfigError as error:
        shown = str(error)
    assert "s3cret" not in shown


def test_a_function_of_drops_that_nobody_awaits_is_refused() -> None:
    async def drop_in_vain(tracker: str, reason: str, number: int) -> None:
        raise AssertionError("nobody awaits it")

    with pytest.raises(ConfigError, match="on_drop: is an async def, which nobody awaits; give a function"):
        Delivery("memory:", on_drop=drop_in_vain)  # type: ignore[arg-type]
