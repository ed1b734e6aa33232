"""An event becomes every tracker's requests: handed to delivery, refused, set aside, or erased with their visitor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from footfall.errors import DeliveryError, EventError, NoIdentity
from footfall.events import Event
from footfall.identity.visitor import Visitor

if TYPE_CHECKING:
    from footfall.delivery import Delivery
    from footfall.delivery.notices import Notices
    from footfall.trackers.protocol import Tracker
    from footfall.wire import WireRequest

__all__ = ["SOMEBODY", "Listener", "Outcome", "Reporter", "TrackerError", "ask", "check_event", "kind_of"]

#: Stands for whoever it was where only the requests' number or their address is asked for.
SOMEBODY: Final = Visitor(device_id=f"{0:036}", session_id=f"{0:036}", anonymous_id="somebody")


def check_event(event: object) -> None:
    """Refuse what is no event, and an event that is wrong.

    Raises:
        EventError: It is one of them. Says which field, what was found and what to write instead.
    """
    if not isinstance(event, Event):
        raise EventError(f"event is a {type(event).__name__}; emit one of footfall.events, such as Click('3298')")
    if (finding := event.finding) is not None:
        raise EventError(finding)


def ask(tracker: Tracker, event: Event, visitor: Visitor) -> list[WireRequest]:
    """Ask one tracker for the requests that report an event. Every event reaches every tracker through here.

    Raises:
        EventError: The event is wrong, by itself (no tracker is then asked) or for this tracker; or the tracker is
            broken.
        NoIdentity: The tracker takes nothing from a visitor without an id, and this one has none.
    """
    check_event(event)
    try:
        return list(tracker.requests(event, visitor))
    except (EventError, NoIdentity):
        raise
    except Exception as error:
        # The cause is for a developer's eyes, where the site is strict.
        raise TrackerError(f"the tracker raised {type(error).__name__}") from error


class TrackerError(EventError):
    """An event that a tracker cannot be told because the tracker itself is broken."""


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
    ) -> None:
        """Take what `footfall.Site` was given."""
        self.trackers = tuple(trackers)
        self.delivery = delivery
        self.notices = notices
        self.on_forget = on_forget
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

    def report(self, event: Event, visitor: Visitor, *, strict: bool) -> None:
        """Turn an event into every tracker's requests and hand them to delivery.

        Raises:
            EventError: The event is wrong, or wrong for a tracker, and *strict*; nothing was written for any.
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
            self.delivery.refuse(name, "no id")
        if requests:
            self._accept(requests, event, strict=strict)

    def set_aside(self, kind: str, reason: str) -> None:
        """Set aside, for each tracker, what a view asked for and what could not even become an event."""
        names = [_name_of(tracker) for tracker in self.trackers]
        self._log_wrong(kind, [(name, EventError(reason)) for name in names])
        for name in names:
            self._set_aside(name, kind, "", reason)

    def refuse(self, event: Event, reason: str) -> None:
        """Count an event that is not accepted: by the requests that each tracker would have got."""
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
        try:
            self.delivery.accept(requests)
        except DeliveryError as error:
            if strict:
                raise
            kind = kind_of(event)
            self.notices.say(logging.ERROR, f"event lost: {kind}: {error}", event=kind)

    def _set_aside(self, tracker: str, kind: str, visitor: str, reason: str) -> None:
        try:
            self.delivery.set_aside(tracker, kind, visitor, reason)
        except DeliveryError as closed:
            self.notices.say(logging.ERROR, f"event lost: {kind}: {closed}", tracker=tracker, event=kind)

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

    def erase(self, visitor: Visitor, *, whose: Visitor | None = None) -> None:
        """Drop what was not delivered yet of a visitor, and tell the site.

        Args:
            visitor: The ids that the site is told.
            whose: Under whose ids it waits, if not under *visitor*'s: a person's waits under their device.
        """
        held = visitor if whose is None else whose
        for key in dict.fromkeys((held.device_id, held.anonymous_id)):
            if key is None:
                continue
            try:
                self.delivery.erase(key)
            except DeliveryError as error:
                self.notices.say(logging.ERROR, f"a visitor's undelivered events were not erased: {error}")
        if self.on_forget is not None:
            try:
                self.on_forget(visitor)
            except Exception as error:  # noqa: BLE001 - the site's own code; its message may quote the visitor
                name = type(error).__name__
                self.notices.say(
                    logging.ERROR, f"Site(on_forget=...) raised {name}: ask the trackers' vendors yourself"
                )


def kind_of(event: object) -> str:
    """Name an event's kind for counters and logs; what is no event has none."""
    return event.kind if isinstance(event, Event) and type(event.kind) is str else ""


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
