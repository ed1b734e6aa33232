"""What a visitor did: one frozen, checked value for each thing a tracker can be told."""

from footfall.events.base import Event, Fields, Item, ItemLike
from footfall.events.kinds import (
    Basket,
    Blacklist,
    Buy,
    Click,
    ClickRecommended,
    Consume,
    Custom,
    Login,
    PageView,
    Rate,
    RecommendationLink,
    RemoveFromBasket,
    Rendered,
)
from footfall.events.money import Money

__all__ = [
    "Event",
    "Item",
    "Money",
    "PageView",
    "Click",
    "Consume",
    "Basket",
    "RemoveFromBasket",
    "Buy",
    "Rate",
    "Blacklist",
    "ClickRecommended",
    "Rendered",
    "RecommendationLink",
    "Login",
    "Custom",
    "Fields",
    "ItemLike",
]
