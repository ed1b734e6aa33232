"""An event becomes every tracker's requests: handed to delivery, refused, set aside, or erased with their visitor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import isawaitable
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from footfall.consent.pending import dismiss
from footfall.errors import DeliveryError, EventError, NoIdentity
from footfall.events import Event
from footfall.identity.visitor import Visitor
from footfall.wire import WhenUnanswered, WireRequest

if TYPE_CHECKING:
    from footfall.delivery import Delivery
    from footfall.delivery.notices import Notices
    from footfall.trackers.protocol import Tracker

__all__ = [
    "SOMEBODY",
    "Listener",
    "Outcome",
    "Reporter",
    "TrackerError",
    "ask",
    "check_event",
    "describe_refusal",
    "kind_of",
]

_logger = logging.getLogger("footfall.site")
#: What to do about an event that is not accepted, by the reason it is counted under.
REMEDIES: Final = {
    "consent": "the visitor has not granted it: call tracking.grant(), or write consent=always_granted to try it out",
    "bot": "send the User-Agent of a browser, or write ignore_bots=False in tests",
    "agent": "leave Signature-Agent out, or write ignore_bots=False in tests",
    "speculative": "nobody has seen the page yet: report from its script, or from the request that opens it",
    "preflight": "report from the request that follows it",
    "no page": "report from a GET or a POST",
    "no id": "the browser sent no device cookie and gets none here: report from a page, or by a snapshot()",
    "unconfirmed": "the browser has not returned its id yet: unconfirmed_events='refuse' waits for that",
    "no snapshot": "the token is none that this site's secret_keys sealed, or was made without consent",
    "forgotten": "the visitor was forgotten in this very request",
    "not kept": "the spool is full or cannot be written: see its own line in the log",
}


def describe_refusal(event: Event, reason: str, tracker: str = "") -> str:
    """Say of an event that it is not accepted, why, and what to do: nothing of its visitor, nothing of its values."""
    by = f" by {tracker}" if tracker else ""
    remedy = REMEDIES.get(reason, "see tracking.request_class.reason")
    return f"event {kind_of(event) or type(event).__name__}: is not accepted{by} ({reason}); {remedy}"


#: Stands for whoever it was where only the requests' number or their address is asked for.
SOMEBODY: Final = Visitor(device_id=f"{0:036}", session_id=f"{0:036}", anonymous_id="somebody")
CLOSED: Final = "closed"  #: why an event is refused that comes after `Site.close`
SWITCHED_OFF: Final = "switched off"  #: why a site refuses all that is to send nothing


def check_event(event: object) -> None:
    """Refuse what is no event, and an event that is wrong.

    Raises:
        EventError: It is one of them. Says which field, what was found and what to write instead.
    """
    if not issubclass(type(event), Event):  # isinstance would ask a lazy object of the shop's what it stands for
        raise EventError(f"event: is a {type(event).__name__}; emit one of footfall.events, such as Click('3298')")
    try:
        finding = cast("Event", event).finding
    except Exception as error:  # noqa: BLE001 - a subclass of the site's own
        finding = f"{type(event).__name__}: its finding raised {type(error).__name__}; override judge() instead"
    if finding is not None:
        raise EventError(finding)


def ask(tracker: Tracker, event: Event, visitor: Visitor) -> list[WireRequest]:
    """Ask one tracker for the requests that report an event. Every event reaches every tracker through here.

    Raises:
        EventError: The event is wrong, by itself (no tracker is then asked) or for this tracker; or the tracker is
            broken.
        NoIdentity: The tracker takes nothing from a visitor without an id, and this one has none.
    """
    check_event(event)
    oddity = None
    try:
        requests = tracker.requests(event, visitor)
        # Ours are typed and tested to return right ones; to look at those too would slow down every event.
        if type(tracker).__module__ not in _OURS:
            requests = _take(requests)
            for request in requests:
                oddity = oddity or _find_oddity(request)
    except (EventError, NoIdentity):
        raise
    except Exception as error:
        # The cause is for a developer's eyes, where the site is strict.
        raise TrackerError(f"the tracker raised {type(error).__name__}") from error
    if oddity is not None:
        raise TrackerError(f"the tracker returned {oddity}")
    return list(requests)


class TrackerError(EventError):
    """An event that a tracker cannot be told because the tracker itself is broken."""


def _take(returned: object) -> list[WireRequest]:
    if type(returned) is list:
        return cast("list[WireRequest]", returned)
    name = _type_name(returned)
    if isinstance(returned, str | bytes | Mapping) or not isinstance(returned, Iterable):
        raise TrackerError(f"the tracker returned a {name}; return a list of WireRequests")
    requests = list(islice(cast("Iterable[WireRequest]", returned), _MOST_REQUESTS + 1))
    if len(requests) > _MOST_REQUESTS:
        raise TrackerError(f"the tracker returned more than {_MOST_REQUESTS} requests; return a list of fewer")
    return requests


def _find_oddity(request: WireRequest) -> str | None:
    """Tell what of a request delivery could not keep; ``None`` if it is right."""
    if type(request) is not WireRequest:  # a subclass's attributes may be anything at the second look
        return f"a {_type_name(request)}; return WireRequests"
    if not (  # one by one, for a loop takes five times as long
        isinstance(request.tracker, str)
        and isinstance(request.kind, str)
        and isinstance(request.url, str)
        and isinstance(request.method, str)
        and isinstance(request.visitor, str)
        and isinstance(request.once, str)
        and isinstance(request.body, bytes)
        and isinstance(request.when_unanswered, WhenUnanswered)
    ):
        for name, kind in _TYPES.items():
            found: object = getattr(request, name)
            if not isinstance(found, kind):
                return f"a request whose {name} is a {_type_name(found)}; give {kind.__name__}"
    return None if _are_headers(request.headers) else "a request with odd headers; give a tuple of pairs of text"


def _are_headers(headers: object) -> bool:
    if type(headers) not in (tuple, list):
        return False
    if not headers:
        return True
    pairs = cast("Sequence[Sequence[object]]", headers)
    return all(
        type(one) in (tuple, list) and len(one) == 2 and isinstance(one[0], str) and isinstance(one[1], str)
        for one in pairs
    )


_MOST_REQUESTS: Final = 10_000
_TYPES: Final[Mapping[str, type]] = {
    **dict.fromkeys(("tracker", "kind", "url", "method", "visitor", "once"), str),
    "body": bytes,
    "when_unanswered": WhenUnanswered,
}
_OURS: Final = frozenset({"footfall.trackers.raptor", "footfall.trackers.yoochoose"})


class Outcome(NamedTuple):
    """What becomes of an event, before any of it is done."""

    event: Event
    visitor: Visitor
    requests: Sequence[WireRequest]  #: that delivery will be given
    unidentified: Sequence[str]  #: the trackers that take no event without an id
    wrong: Sequence[tuple[str, str]]  #: the trackers that are not told, each with the reason


class Listener(Protocol):
    """Hears what a site reports: the debug trace, or a recorder in tests."""

    def hear(self, outcome: Outcome) -> None:
        """Hear of an event that was reported."""
        ...

    def hear_refusal(self, event: Event, tracker: str, reason: str) -> None:
        """Hear of an event that was not."""
        ...


class Reporter:
    """Tells a site's trackers of events. Nothing of it waits."""

    def __init__(
        self,
        trackers: Sequence[Tracker],
        delivery: Delivery,
        notices: Notices,
        *,
        on_forget: Callable[[Visitor], object] | None,
        send: bool = True,
    ) -> None:
        """Take what `footfall.Site` was given."""
        self.trackers = tuple(trackers)
        self.delivery = delivery
        self.notices = notices
        self.on_forget = on_forget
        self.send = send
        self.listener: Listener | None = None

    def preview(self, event: Event, visitor: Visitor) -> list[WireRequest]:
        """Turn an event into every tracker's requests, sending none. Raises EventError."""
        requests: list[WireRequest] = []
        for tracker in self.trackers:
            try:
                requests += ask(tracker, event, visitor)
            except NoIdentity:
                continue
        return requests

    def report(self, event: Event, visitor: Visitor, *, strict: bool, within: object = None) -> None:
        """Turn an event into every tracker's requests and hand them to delivery.

        Args:
            event: What happened.
            visitor: To whom.
            strict: Raise what a developer is to see.
            within: The connection whose transaction the requests are written in; None: none.

        Raises:
            EventError: The event is wrong, or wrong for a tracker, or *within* is no connection to write by, and
                *strict*; nothing was written for any.
            DeliveryError: The site was closed, and *strict*.
        """
        requests: list[WireRequest] = []
        unidentified: list[str] = []
        wrong: list[tuple[str, EventError]] = []
        for tracker in self.trackers:
            try:
                requests += ask(tracker, event, visitor)
            except NoIdentity:
                unidentified.append(_name_of(tracker))
            except EventError as error:
                wrong.append((_name_of(tracker), error))
        if self.listener is not None:
            reasons = [(name, _say(finding)) for name, finding in wrong]
            sent = [] if wrong and strict else requests
            self.listener.hear(Outcome(event, visitor, sent, unidentified, reasons))
        if wrong:
            if strict:
                raise wrong[0][1]
            self._log_wrong(kind_of(event), wrong)
            for name, finding in wrong:
                self._set_aside(name, kind_of(event), visitor.device_id or "", _say(finding))
        for name in unidentified:
            self.say_refused(event, "no id", name)
            self.delivery.refuse(name, "no id")
        if requests:
            if within is not None and self.send:
                self._write_within(requests, event, within, strict=strict)
            else:
                self._accept(requests, event, strict=strict)

    def set_aside(self, kind: str, reason: str) -> None:
        """Set aside, for each tracker, what a view asked for and what could not even become an event."""
        names = [_name_of(tracker) for tracker in self.trackers]
        self._log_wrong(kind, [(name, EventError(reason)) for name in names])
        for name in names:
            self._set_aside(name, kind, "", reason)

    def refuse(self, event: Event, reason: str) -> None:
        """Count an event that is not accepted: by the requests that each tracker would have got."""
        self.say_refused(event, reason)
        for tracker in self.trackers:
            try:
                count = len(ask(tracker, event, SOMEBODY))
            except (EventError, NoIdentity):
                count = 1
            if count:
                name = _name_of(tracker)
                if self.listener is not None:
                    self.listener.hear_refusal(event, name, reason)
                self.delivery.refuse(name, reason, count)

    def _accept(self, requests: Sequence[WireRequest], event: Event, *, strict: bool) -> None:
        if not self.send:
            self._refuse_requests(requests, SWITCHED_OFF)
            return
        try:
            if not self.delivery.accept(requests):
                self.say_refused(event, "not kept")
        except DeliveryError as error:
            self._refuse_requests(requests, CLOSED)
            if strict:
                raise
            kind = kind_of(event)
            self.notices.say(logging.ERROR, f"event lost: {kind}: {error}", event=kind)

    def _write_within(self, requests: Sequence[WireRequest], event: Event, within: object, *, strict: bool) -> None:
        try:
            reason = self.delivery.accept_within(requests, within)
        except EventError as error:
            if strict:
                raise
            reason = str(error)
        except DeliveryError as error:
            self._refuse_requests(requests, CLOSED)
            if strict:
                raise
            reason = None
            self.notices.say(logging.ERROR, f"event lost: {kind_of(event)}: {error}", event=kind_of(event))
        if reason is not None:
            kind = kind_of(event)
            self.notices.say(
                logging.ERROR,
                f"event set aside, and the order goes on: {kind}: {reason}",
                key=f"within {kind}",
                event=kind,
            )
            for request in requests:
                self._set_aside(request.tracker, request.kind, request.visitor, reason)

    def _refuse_requests(self, requests: Sequence[WireRequest], reason: str) -> None:
        for request in requests:
            self.delivery.refuse(request.tracker, reason)

    def _set_aside(self, tracker: str, kind: str, visitor: str, reason: str) -> None:
        if not self.send:
            self.delivery.refuse(tracker, SWITCHED_OFF)
            return
        try:
            self.delivery.set_aside(tracker, kind, visitor, reason)
        except DeliveryError:
            self.delivery.refuse(tracker, CLOSED)

    def _log_wrong(self, kind: str, wrong: Sequence[tuple[str, EventError]]) -> None:
        """Log a reason once for all trackers that it concerns, and each kind of event once a minute."""
        by_reason: dict[str, list[str]] = {}
        for name, error in wrong:
            remedy = "; run footfall.testing.check_tracker on it" if isinstance(error, TrackerError) else ""
            by_reason.setdefault(f"{_say(error)}{remedy}", []).append(name)
        for reason, names in by_reason.items():
            trackers = ", ".join(names)
            self.notices.say(
                logging.ERROR,
                f"event set aside: {kind or 'what is no event'} for {trackers}: {reason}",
                key=f"set aside {kind} {trackers}",  # reasons differ by what was sent
                tracker=trackers,
                event=kind,
            )

    def say_refused(self, event: Event, reason: str, tracker: str = "") -> None:
        """Tell the log of an event that is not accepted: once a minute a kind, with their number."""
        if _logger.isEnabledFor(logging.INFO):
            self.notices.say(logging.INFO, describe_refusal(event, reason, tracker))

    def erase(self, visitor: Visitor, *, whose: Visitor | None = None) -> bool:
        """Drop what was not delivered yet of a visitor, and tell the site.

        Args:
            visitor: The ids that the site is told.
            whose: Under whose ids it waits, if not under *visitor*'s: a person's waits under their device.

        Returns:
            Whether all of it was done; what was not is in the log.
        """
        done = True
        held = visitor if whose is None else whose
        if not self.send:
            self._say_what_waits()
        for key in dict.fromkeys((held.device_id, held.anonymous_id)):
            if key is None or not self.send:
                continue
            try:
                self.delivery.erase(key)
            except DeliveryError as error:
                done = False
                self.notices.say(logging.ERROR, f"a visitor's undelivered events were not erased: {error}")
        if self.on_forget is not None and (finding := _tell(self.on_forget, visitor)) is not None:
            done = False
            self.notices.say(logging.ERROR, f"Site(on_forget=...) {finding}: ask the trackers' vendors yourself")
        return done

    def _say_what_waits(self) -> None:
        """Say that what an earlier run kept is not erased: opening a spool would begin to deliver it."""
        path = self.delivery.settings.path
        if path is not None and path.exists():
            self.notices.say(
                logging.ERROR,
                "a visitor's undelivered events were not erased: the site is switched off (FOOTFALL_SEND, or"
                " Site(send=False)); delete the spool, or let them be forgotten again once it sends",
            )


def _tell(on_forget: Callable[[Visitor], object], visitor: Visitor) -> str | None:
    """Call the site's own function; returns what went wrong, but not its message, which may quote the visitor."""
    try:
        answer = on_forget(visitor)
    except Exception as error:  # noqa: BLE001 - the site's own code
        return f"raised {type(error).__name__}"
    if not isawaitable(answer):
        return None
    dismiss(answer)
    return f"answered a {type(answer).__name__}, which nobody awaits"


def kind_of(event: object) -> str:
    """Name an event's kind for counters and logs; what is no event has none."""
    try:
        kind: object = cast("Event", event).kind if issubclass(type(event), Event) else ""
    except Exception:  # noqa: BLE001 - a property of the site's own
        return ""
    return kind if type(kind) is str else ""


def _type_name(value: object) -> str:
    return type(value).__name__


def _name_of(tracker: Tracker) -> str:
    try:
        name: object = tracker.name
    except Exception:  # noqa: BLE001 - a property of the site's own; it answered when the site was made
        name = None
    return name if type(name) is str else type(tracker).__name__


def _say(error: EventError) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a subclass of the site's own
        return f"the tracker raised {type(error).__name__}"
