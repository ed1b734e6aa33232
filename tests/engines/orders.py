"""A shop that writes orders, with what goes wrong in one: a process of its own, for it is killed in the middle.

    python orders.py django|sqlalchemy ENGINE TRACKER SPOOL FIRST LAST SEED

Each order says on standard output what it is about to do; which of them are committed, the database knows.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from footfall import Config, Money, Site
from footfall.consent import always_granted
from footfall.delivery import Delivery
from footfall.events import Buy
from footfall.request import RequestView
from footfall.trackers import Yoochoose

PAGE = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/153.0", "accept": "text/html"}
#: What an order goes through, and how often of a hundred times.
WAYS = {
    "commit": 40,
    "rollback": 20,
    "failing insert": 10,
    "inner rollback": 10,
    "inner commit": 10,
    "forbidden": 8,
    "kill before": 1,
    "kill after": 1,
}


def buy(number: int) -> Buy:
    return Buy(number + 1, price=Money("19.99", "EUR"))


class Changed(Exception):
    """Somebody has changed their mind."""


def change(mind: bool) -> None:
    if mind:
        raise Changed


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def django_orders(url: str) -> Callable[[int, str, Any], None]:
    import django
    from django.conf import settings

    parts = urlsplit(url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username,
        "HOST": parts.hostname,
        "PORT": parts.port,
    }
    settings.configure(DATABASES={"default": database})
    django.setup()
    from django.db import IntegrityError, connection, transaction

    def insert(number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO orders VALUES (%s)", (number,))

    def order(number: int, way: str, tracking: Any) -> None:
        with transaction.atomic():
            if way == "forbidden":
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL ROLE shop")
            if way.startswith("inner"):
                with suppress(Changed), transaction.atomic():
                    insert(number)
                    tracking.emit(buy(number), within=connection)
                    change(way == "inner rollback")
                return
            insert(number)
            if way == "kill before":
                die()
            tracking.emit(buy(number), within=connection)
            if way == "kill after":
                die()
            if way == "failing insert":
                with suppress(IntegrityError), transaction.atomic():
                    insert(number)
            change(way == "rollback")

    return order


def sqlalchemy_orders(url: str) -> Callable[[int, str, Any], None]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import IntegrityError
    from sqlalchemy.orm import Session

    database = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))

    def order(number: int, way: str, tracking: Any) -> None:
        with Session(database) as session, session.begin():
            insert = text("INSERT INTO orders VALUES (:number)")
            if way == "forbidden":
                session.execute(text("SET LOCAL ROLE shop"))
            if way.startswith("inner"):
                with suppress(Changed), session.begin_nested():
                    session.execute(insert, {"number": number})
                    tracking.emit(buy(number), within=session.connection())
                    change(way == "inner rollback")
                return
            session.execute(insert, {"number": number})
            if way == "kill before":
                die()
            tracking.emit(buy(number), within=session.connection())
            if way == "kill after":
                die()
            if way == "failing insert":
                with suppress(IntegrityError), session.begin_nested():
                    session.execute(insert, {"number": number})
            change(way == "rollback")

    return order


def main() -> None:
    kind, url, tracker, spool, first, last, seed = sys.argv[1:]
    order = {"django": django_orders, "sqlalchemy": sqlalchemy_orders}[kind](url)
    site = Site(
        Config(consent=always_granted),
        trackers=[Yoochoose("00000", base_url=tracker)],
        delivery=Delivery(spool, engine=url),
    )
    chance = random.Random(int(seed))
    view = RequestView(method="GET", scheme="https", host="shop.example", path="/", query="", header=PAGE.get)
    for number in range(int(first), int(last)):
        way = chance.choices(list(WAYS), list(WAYS.values()))[0]
        print(number, way, flush=True)
        with suppress(Changed):
            order(number, way, site.begin(view, debug=True))
    site.close(5)
    print("done", flush=True)


if __name__ == "__main__":
    main()
