"""Makes up what the real visits lack: names, categories and prices, always the same ones for an item's id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from footfall import Money

__all__ = ["Product", "make_catalogue"]

_THINGS = {
    "Clothing": ("Shirt", "Jacket", "Jeans", "Scarf"),
    "Shoes": ("Boots", "Sandals", "Sneakers"),
    "Home & Garden": ("Lamp", "Armchair", "Rug", "Watering can"),
    "Toys": ("Kite", "Jigsaw", "Wooden train"),
    "Küche": ("Kettle", "Pan", "Teapot"),
}
_COLOURS = ("amber", "blue", "crimson", "emerald", "grey", "ivory", "olive")


@dataclass(frozen=True, slots=True)
class Product:
    """A product. Only its id is real."""

    item: int
    name: str
    category_path: tuple[str, str]
    price: Money


def make_catalogue(items: Iterable[int]) -> dict[int, Product]:
    """Make a product for each item id, in the given order."""
    return {item: _make_product(item) for item in items}


def _make_product(item: int) -> Product:
    department = list(_THINGS)[item % len(_THINGS)]
    things = _THINGS[department]
    thing = things[item // 7 % len(things)]
    colour = _COLOURS[item // 31 % len(_COLOURS)]
    cents = 499 + item * 7919 % 14_500
    return Product(
        item=item,
        name=f"{thing}, {colour}",
        category_path=(department, thing),
        price=Money(f"{cents // 100}.{cents % 100:02}", "EUR"),
    )
