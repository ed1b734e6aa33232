"""One request: what its view holds, who its visitor is, and what its response sets. Lives as long as the request."""

from footfall.identity.caching import HeaderEdit, concerns_caches
from footfall.tracking.answers import Answer
from footfall.tracking.tracking import CURRENT, Tracking, current_tracking

__all__ = ["CURRENT", "Answer", "HeaderEdit", "Tracking", "concerns_caches", "current_tracking"]
