"""Know your site's visitors by your own cookies, and tell your recommendation service what they do."""

from footfall.config import Config, CookieNames
from footfall.events import Item, Money
from footfall.request import Consent
from footfall.site import Site
from footfall.tracking import Tracking, current_tracking

__all__ = ["Config", "Consent", "CookieNames", "Item", "Money", "Site", "Tracking", "current_tracking"]
__version__ = "0.1.0"
