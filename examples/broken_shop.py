"""How not to do it: a shop that writes its trackers' requests by hand, and makes seven mistakes that nobody notices.

footfall tracker
python broken_shop.py

Then open http://127.0.0.1:8100/#mend: the local tracker names all seven and says how to mend them.
"""

import os
import uuid
from urllib.error import HTTPError
from urllib.request import urlopen

TRACKER = os.environ.get("TRACKER_URL", "http://127.0.0.1:8100")


def send(target: str) -> None:
    try:
        urlopen(TRACKER + target, timeout=5).close()
    except HTTPError as refused:  # a shop would not look, and its page would be just as slow
        refused.close()


def open_page(device: str, item: int) -> None:
    session = uuid.uuid4()  # 1: the session cookie is never read, so each page begins a visit
    send(f"/12345.rsa?p1=visit&p2={item}&coid={device}&sid={session}")
    send(f"/api/00000/click/{device}/1/{item}")


def open_front_page(session: str) -> None:
    send(f"/12345.rsa?p1=pageview&sid={session}")  # 2: no coid, for the visitor is new


def log_in(device: str, user: str) -> None:
    send(f"/api/00000/login/{device}/{user}")  # 3: later events still go under the device's id


def put_into_basket(item: int, group: str, visitor: str) -> None:
    send(f"/api/00000/basket/{group}%5C{visitor}/1/{item}")  # 4: a backslash in the visitor's id


def buy(visitor: str, item: int, quantity: int, price: float) -> None:
    amount = f"{price:.2f}".replace(".", ",")  # 5: a decimal comma, as in the shop's own language
    send(f"/api/00000/buy/{visitor}/1/{item}?fullprice={amount}EUR&quantity={quantity}")


def give_away(visitor: str, item: int) -> None:
    send(f"/api/00000/buy/{visitor}/1/{item}?fullprice=0.00EUR&quantity=0")  # 6: nothing was paid, so none was bought


def thank(device: str, session: str, order: str) -> None:
    # 7: reported when the page is shown, so that reloading it buys again
    send(f"/12345.rsa?p1=buy&p2=3298&p12=19.99&p13=1&p21={order}&coid={device}&sid={session}")


def main() -> None:
    device, session = str(uuid.uuid4()), str(uuid.uuid4())
    open_front_page(session)
    open_page(device, 3298)
    open_page(device, 4711)
    put_into_basket(3298, "customers", "4711")
    log_in(device, "johndoe")
    open_page(device, 3298)
    buy(device, 3298, 1, 19.99)
    give_away("johndoe", 99)
    another = str(uuid.uuid4())
    thank(another, session, "O-1")
    thank(another, session, "O-1")


if __name__ == "__main__":
    main()
