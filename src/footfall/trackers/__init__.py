"""The remote services that take events, each speaking its own dialect."""

from footfall.trackers.links import Recommendation, read_recommendations
from footfall.trackers.protocol import Explains, Parameter, Tracker
from footfall.trackers.raptor import Raptor
from footfall.trackers.yoochoose import Yoochoose

__all__ = ["Raptor", "Yoochoose", "Tracker", "Explains", "Parameter", "Recommendation", "read_recommendations"]
