"""What a tracker's answer means, or its silence: delivered, try again, refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from footfall.delivery.spool.leases import UNANSWERED
from footfall.wire import WhenUnanswered, WireReply

__all__ = ["Delivered", "NoReply", "Refused", "TryAgain", "Verdict", "judge"]

_LONGEST_WAIT = 3600.0  # seconds; a tracker that asks for more is asked again after this
_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class NoReply:
    """No answer came back."""

    sent: bool  #: some of the request went out: the tracker may have counted it, or not
    what: str  #: in words that name no visitor: ``"timed out"``


@dataclass(frozen=True, slots=True)
class Delivered:
    """The tracker has it."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not yet."""

    reason: str
    after: float | None = None  #: seconds the tracker asks to be left alone
    healthy: bool = False  #: the tracker is well, it is this request that must wait
    unreached: bool = False  #: nothing of it went out: no fault of this request's


@dataclass(frozen=True, slots=True)
class Refused:
    """Sending it again would not help, or might count twice: a person decides."""

    reason: str
    status: int | None = None
    answer: str = field(default="", repr=False)
    """The tracker's words, escaped; they may repeat what was sent, so they are for no log."""
    healthy: bool = True


Verdict = Delivered | TryAgain | Refused


def judge(outcome: WireReply | NoReply, when_unanswered: WhenUnanswered, *, now: float) -> Verdict:
    """Decide what becomes of a request.

    Only the status counts: an answer's words are for people (Tracking API, "Responses").

    Args:
        outcome: What came back, if anything.
        when_unanswered: What becomes of a request that went out and was not answered.
        now: Seconds since 1970.
    """
    if isinstance(outcome, NoReply):
        if outcome.sent and when_unanswered is WhenUnanswered.SET_ASIDE:
            return Refused(f"{UNANSWERED}{outcome.what} after it was sent", healthy=False)
        return TryAgain(outcome.what, unreached=not outcome.sent)
    status = outcome.status
    if 200 <= status < 300:
        return Delivered()
    if status in _AGAIN or status >= 500:
        wait = parse_retry_after(outcome.headers.get("retry-after"), now=now)
        return TryAgain(f"answered {status}", wait, healthy=status in {408, 425} and wait is None)
    return Refused(_reason(status), status, escape(outcome.body))


def parse_retry_after(text: str | None, *, now: float) -> float | None:
    """Read a ``Retry-After`` header, seconds or a date, as seconds from *now*: at least 0, at most an hour."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        date = parsedate_to_datetime(text)
        moment = date if date.tzinfo else date.replace(tzinfo=UTC)
        return min(max((moment - datetime.fromtimestamp(now, UTC)).total_seconds(), 0.0), _LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None


def escape(body: bytes) -> str:
    """Write a tracker's answer as printable ASCII."""
    return body[:1024].decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")


def _reason(status: int) -> str:
    if status in {401, 403}:
        return f"answered {status}: check the customer id and licence key"
    if status == 404:
        return "answered 404: check the customer id and the base URL"
    if status == 414:
        return "answered 414: the URL is too long"
    if 300 <= status < 400:
        return f"answered {status}: redirects are not followed; check the base URL"
    return f"answered {status}"
