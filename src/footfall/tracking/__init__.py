"""One request: what its view holds, who its visitor is, and what its response sets. Lives as long as the request."""

from footfall.tracking.tracking import Tracking, current_tracking

__all__ = ["Tracking", "current_tracking"]
