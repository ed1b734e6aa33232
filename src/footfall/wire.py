"""What travels to a tracker, and what comes back: finished requests and bare replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["WhenUnanswered", "WireReply", "WireRequest"]


class WhenUnanswered(Enum):
    """What to do with a request that was sent but not answered, so that the tracker may have counted it or not."""

    REPEAT = "repeat"  #: send it again: a click counted twice is better than one lost
    SET_ASIDE = "set aside"  #: let a person decide: revenue


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WireRequest:
    """One HTTP request to a tracker, finished to the last byte. It does not know which event it was made from."""

    tracker: str  #: the tracker's name: its counters, its breaker
    kind: str  #: the event's kind in its tracker's own word (``"click"``); never a visitor's value
    url: str  #: ASCII, RFC 3986, sent exactly as it stands here
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    visitor: str = ""  #: whose request it is: they keep their order and are erased together; ``""``: nobody's
    when_unanswered: WhenUnanswered = WhenUnanswered.REPEAT
    once: str = ""  #: a key of which a spool takes only the first request; ``""``: no key

    def __repr__(self) -> str:
        """Name the request without its URL, which carries a visitor's ids."""
        return f"<WireRequest {self.method} {self.kind} to {self.tracker}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WireReply:
    """What a tracker answered."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])  #: names in lower case
    body: bytes = b""  #: at most its first 1,024 bytes

    def __repr__(self) -> str:
        """Name the reply without its body, which may repeat what was sent."""
        return f"<WireReply {self.status}>"
