"""An event becomes every tracker's requests: handed to delivery, refused, set aside, or erased with their visitor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from footfall.errors import DeliveryError, EventError, NoIdentity
from footfall.events import Event
from footfall.identity.visitor import Visitor
from footfall.trackers.protocol import Tracker
from footfall.wire import WireRequest

if TYPE_CHECKING:
    from footfall.delivery import Delivery
    from footfall.delivery.notices import Notices

__all__ = ["SOMEBODY", "Reporter", "ask", "describe_refusal"]

_logger = logging.getLogger("footfall.site")
#: What to do about an event that is not accepted, by the reason it is counted under.
REMEDIES: Final = {
    "consent": "the visitor has not granted it: call tracking.grant(), or write consent=always_granted to try it out",
    "bot": "send the User-Agent of a browser, or write ignore_bots=False in tests",
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
    return f"event {event.kind}: is not accepted{by} ({reason}); {remedy}"


#: Stands for whoever it was where only the requests' number or their address is asked for.
SOMEBODY: Final = Visitor(device_id=f"{0:036}", session_id=f"{0:036}", anonymous_id="somebody")


def ask(tracker: Tracker, event: Event, visitor: Visitor) -> list[WireRequest]:
    """Ask one tracker for the requests that report an event. Every event reaches every tracker through here.

    Raises:
        EventError: The event is wrong for this tracker, or the tracker itself is broken.
        NoIdentity: The tracker takes nothing from a visitor without an id, and this one has none.
    """
    try:
        return list(tracker.requests(event, visitor))
    except (EventError, NoIdentity):
        raise
    except Exception as error:
        # The cause is for a developer's eyes, where the site is strict.
        raise EventError(f"the tracker raised {type(error).__name__}") from error


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
            EventError: The event is wrong for a tracker, and *strict*; nothing was written for any.
            DeliveryError: The site was closed, and *strict*.
        """
        requests: list[WireRequest] = []
        unidentified: list[Tracker] = []
        wrong: list[tuple[Tracker, EventError]] = []
        for tracker in self.trackers:
            try:
                asked = ask(tracker, event, visitor)
            except NoIdentity:
                unidentified.append(tracker)
            except EventError as error:
                wrong.append((tracker, error))
            else:
                requests += asked
        self.note(event, requests, unidentified, [tracker for tracker, _ in wrong])
        if wrong and strict:
            raise wrong[0][1]
        for tracker in unidentified:
            self.say_refused(event, "no id", tracker.name)
            self.delivery.refuse(tracker.name, "no id")
        for tracker, finding in wrong:
            self._set_aside(tracker.name, event.kind, visitor.device_id or "", str(finding))
        if requests:
            try:
                if not self.delivery.accept(requests):
                    self.say_refused(event, "not kept")
            except DeliveryError as error:
                if strict:
                    raise
                self.notices.say(logging.ERROR, f"event lost: {error}", event=event.kind)

    def note(
        self,
        event: Event,
        requests: Sequence[WireRequest],
        unidentified: Sequence[Tracker],
        wrong: Sequence[Tracker],
    ) -> None:
        """Hear what came of an event, before any of it is done: nothing to do here; the debug trace listens."""

    def fault(self, error: EventError, *, strict: bool) -> None:
        """Raise what a developer wrote wrong where they see it, set it aside where visitors would."""
        if strict:
            raise error
        for tracker in self.trackers:
            self._set_aside(tracker.name, "", "", str(error))

    def _set_aside(self, tracker: str, kind: str, visitor: str, reason: str) -> None:
        self.notices.say(logging.ERROR, f"event set aside: {reason}", tracker=tracker, event=kind)
        try:
            self.delivery.set_aside(tracker, kind, visitor, reason)
        except DeliveryError as closed:
            self.notices.say(logging.ERROR, f"event lost: {closed}", tracker=tracker, event=kind)

    def refuse(self, event: Event, reason: str) -> None:
        """Count an event that is not accepted: by the requests that each tracker would have got."""
        self.say_refused(event, reason)
        for tracker in self.trackers:
            try:
                count = len(ask(tracker, event, SOMEBODY))
            except (EventError, NoIdentity):
                count = 1
            if count:
                self.delivery.refuse(tracker.name, reason, count)

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
        for key in dict.fromkeys((held.device_id, held.anonymous_id)):
            if key is None:
                continue
            try:
                self.delivery.erase(key)
            except DeliveryError as error:
                done = False
                self.notices.say(logging.ERROR, f"a visitor's undelivered events were not erased: {error}")
        if self.on_forget is not None:
            try:
                self.on_forget(visitor)
            except Exception as error:  # noqa: BLE001 - the site's own code; its message may quote the visitor
                done = False
                name = type(error).__name__
                self.notices.say(
                    logging.ERROR, f"Site(on_forget=...) raised {name}: ask the trackers' vendors yourself"
                )
        return done
