"""What one request knows of its visitor, and what its view may do about it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from footfall.errors import ConfigError, EventError
from footfall.events import Event, Login
from footfall.identity.caching import ONE_LINE, PRIVATE, HeaderEdit, cache_decision
from footfall.identity.visitor import Visitor
from footfall.reporter import Reporter, check_event
from footfall.request import Consent, RequestClass, RequestView, decode_path
from footfall.tracking.answers import Answer, answer_bridge, answer_consent
from footfall.tracking.cookies import response_cookies
from footfall.tracking.ids import KnownIds
from footfall.tracking.login import LoggedIn
from footfall.tracking.resumed import NO_SNAPSHOT

if TYPE_CHECKING:
    from footfall.policy import Policy
    from footfall.wire import WireRequest

__all__ = ["CURRENT", "Tracking", "current_tracking"]

CONSENT_WAIT: Final = 1.0  #: seconds that an asynchronous reader of consent may take
CURRENT: Final[ContextVar[Tracking | None]] = ContextVar("footfall.tracking", default=None)


def current_tracking() -> Tracking | None:
    """Return the tracking of the request being served here; ``None`` outside of one.

    Where there is a request in hand, ``request.state.tracking`` is surer: an outer middleware, or the body of a
    WSGI response, runs outside of what this knows.
    """
    return CURRENT.get()


class Tracking:
    """One request's visitor, and the way to report what they do: ``request.state.tracking``.

    Nothing is read, minted or decided before it is asked for, or before the response starts. An id is ``None``
    where there is none, where the visitor has not consented, or where the request is not theirs to be known by
    (a bot, a payment provider's return).
    """

    __slots__ = (
        "_consulted",
        "_erased",
        "_held",
        "_ids",
        "_login",
        "_policy",
        "_read",
        "_reported",
        "_reporter",
        "_request",
        "awaits_user",
        "finished",
        "strict",
    )

    def __init__(
        self,
        policy: Policy,
        reporter: Reporter,
        view: RequestView,
        strict: bool,
        request: Callable[[], object] | None = None,
    ) -> None:
        """Made by `Site.begin`; *request* gives the framework's request to ``Site(user_id=...)``."""
        self._policy = policy
        self._reporter = reporter
        self._ids = KnownIds(policy, view)
        self._request = request
        self._login: LoggedIn | None = None
        self._held: list[Event] | None = None
        self._erased = False
        self._consulted = False
        self._read = False
        self._reported = False
        self.awaits_user = False  #: a door that can wait has to, before the response starts: `wait_for_user`
        self.finished = False  #: the response has started: too late for a cookie
        self.strict = strict

    # Who

    @property
    def device_id(self) -> str | None:
        """One browser: a GUID, the same for a year since its last visit."""
        self._read = True
        return self._ids.device_id

    @property
    def session_id(self) -> str | None:
        """One visit: a GUID, until the browser closes or 20 minutes pass without a page."""
        self._read = True
        return self._ids.session_id

    @property
    def ruid(self) -> str | None:
        """Who the visitor said they are, in clear text; trackers get its base64."""
        self._read = True
        return self._ids.ruid

    @property
    def reaid(self) -> str | None:
        """The tracker's token for an address, from a newsletter's link or its cookie."""
        self._read = True
        return self._ids.reaid

    @property
    def xuid(self) -> str | None:
        """The other mail system's token."""
        self._read = True
        return self._ids.xuid

    @property
    def user_id(self) -> str | None:
        """Who is logged in: by `login` in this request, else as ``Site(user_id=...)`` says; ``None`` if nobody."""
        return self._ask_user()

    @property
    def is_new_device(self) -> bool:
        """Whether this request is the browser's first."""
        self._read = True
        return self._ids.is_new_device

    @property
    def is_new_session(self) -> bool:
        """Whether this visit began with this request."""
        self._read = True
        return self._ids.is_new_session

    @property
    def is_confirmed(self) -> bool:
        """Whether the browser has returned the device id, and so keeps cookies."""
        self._read = True
        return self._ids.is_confirmed

    @property
    def consent(self) -> Consent:
        """What the visitor said of being recognized (device and session ids, anonymous events)."""
        self._consulted = True
        return self._ids.consents[0]

    @property
    def person_consent(self) -> Consent:
        """What the visitor said of being known as a person (ruid, reaid, xuid, user id). Never more than `consent`."""
        self._consulted = True
        return self._ids.consents[1]

    @property
    def gpc(self) -> bool:
        """Whether the browser sent ``Sec-GPC: 1`` and the site honours it, as it must then show (11 CCR 7025).

        False once the visitor consents in spite of it, where ``honour_gpc="unless-consented"`` lets them.
        """
        self._consulted = True
        return self._ids.gpc

    @property
    def request_class(self) -> RequestClass:
        """What this request is, what it may do, and the reason in words."""
        return self._ids.request_class

    # What they do

    def emit(self, event: Event, *, within: object = None) -> None:
        """Report an event to every tracker of the site: refused now if it is wrong, sent later, never waited for.

        While consent is unknown the event is held until the response starts, and goes only if it was granted
        by then.

        Args:
            event: What the visitor did.
            within: The connection whose transaction writes the order, on a site whose engine is that PostgreSQL: the
                event is committed with the order, or gone with it. That waits for the database, which nothing else
                here does; what fails there is set aside, and the order goes on. Consent must be granted by now.

        Raises:
            EventError: The event is wrong, and the site is strict (a debug flag, or ``Site(strict=True)``).
                Nothing was written for any tracker. A site that is not strict logs, counts and sets it aside.
        """
        if self.strict:
            check_event(event)  # before anything is asked: a developer sees it whoever is visiting
        if not self.request_class.emit:
            return self._reporter.refuse(event, self.request_class.name)
        consent, person = consents = self._ids.consents
        if within is not None:
            if person is Consent.GRANTED:
                self._ask_user()
            return self._report(event, consents, strict=self.strict, within=within)
        if not self.finished:
            if person is Consent.GRANTED:
                self._ask_user()
            if consent is Consent.UNKNOWN or self.awaits_user:
                self._held = [*(self._held or ()), event]
                return None
        return self._report(event, consents, strict=self.strict)

    def _report(self, event: Event, consents: tuple[Consent, Consent], *, strict: bool, within: object = None) -> None:
        consent, person = consents
        login = issubclass(type(event), Login)  # isinstance would ask a lazy object of the shop's what it stands for
        if consent is not Consent.GRANTED or (login and person is not Consent.GRANTED):
            return self._reporter.refuse(event, "consent")
        if person is Consent.DENIED and self.request_class.renew:
            self._erase_person()  # before what is theirs as a device alone
        visitor = self._visitor()
        if visitor is None:
            return self._reporter.refuse(event, "unconfirmed")
        self._reported = True
        return self._reporter.report(event, visitor, strict=strict, within=within)

    def preview(self, event: Event) -> list[WireRequest]:
        """Return the requests that *event* would become for this visitor, without sending any.

        Raises:
            EventError: The event is wrong, or wrong for a tracker.
        """
        check_event(event)
        self._read = True
        visitor = self._visitor() or self._ids.anonymous_visitor()
        return self._reporter.preview(event, visitor)

    def identify(self, person: str) -> None:
        """Remember who the visitor is: an address, or any text that the mail system knows them by.

        It becomes ``ruid`` of this very request's events and, by a cookie, of all later ones. Unusable text
        (empty, over 512 characters) changes nothing but a counter: a visitor typed it.
        """
        name = _text_of(person)
        if name is None:
            error = EventError(f"identify() takes text, not {type(person).__name__}; write identify(user.email)")
            if self.strict:
                raise error
            # Nobody was identified whom we may not know.
            allowed = self.request_class.emit and self._ids.consents[1] is Consent.GRANTED
            return self._reporter.set_aside("identify", str(error)) if allowed else None
        self._warn_if_late("identify")
        return self._ids.identify(name)

    def login(self, user_id: str | int) -> None:
        """Name the user for the rest of this request, and report the login.

        Later requests learn the user from ``Site(user_id=...)`` alone. No cookie is set for it. The event goes
        once for each pair of device and user: delivery drops a pair that it has had.

        Raises:
            EventError: *user_id* is neither text nor a whole number, and the site is strict.
        """
        event = Login(user_id)
        if event.finding is None:
            self._learn_user(event.user_id)
        return self.emit(event)

    def logout(self) -> None:
        """Go back to the anonymous id for the rest of this request. Reports nothing, and changes no cookie."""
        self._learn_user(None)

    def _ask_user(self) -> str | None:
        login = self._logged_in
        name = login.ask()
        self.awaits_user = login.awaited
        return name

    def _give_up_on_user(self) -> None:
        self._logged_in.give_up()
        self.awaits_user = False

    def _learn_user(self, name: str | None) -> None:
        self._logged_in.learn(name)
        self.awaits_user = False

    @property
    def _logged_in(self) -> LoggedIn:
        login = self._login
        if login is None:
            login = self._login = LoggedIn(self._policy, self._request)
        return login

    # What they allow

    def grant(self, *, person: bool = True) -> None:
        """Record the visitor's consent: ids and cookies go out with this very response, held events too.

        Args:
            person: Consent to being known as a person as well.
        """
        self._warn_if_late("grant")
        self._ids.set_consent(Consent.GRANTED, Consent.GRANTED if person else Consent.DENIED)
        if not self._must_wait:
            self._settle()  # what was held came first, a login above all

    def deny(self) -> None:
        """Record the visitor's refusal: our cookies expire with this response, and nothing is sent any more."""
        self._warn_if_late("deny")
        self._held_refused("consent")
        self._erase(ask=True)
        self._ids.set_consent(Consent.DENIED, Consent.DENIED)

    def forget(self) -> None:
        """Forget the visitor: cookies expire, their undelivered events are erased, ``Site(on_forget=)`` is called."""
        self._warn_if_late("forget")
        self._held_refused("forgotten")
        self._erase(ask=True)
        self._ids.forget()

    def _erase(self, *, ask: bool) -> None:
        if self._erased and not self._ids.is_known:  # forgotten, then denied: they are told of once
            return
        self._erased = True
        ids = self._ids.known_visitor()
        if ids is not None:
            # Only a view is asked who is logged in: the framework's session may be closed once it is done.
            self._reporter.erase(replace(ids, user_id=self.user_id if ask else self._logged_in.name))

    def _erase_person(self) -> None:
        if self._erased:
            return
        self._erased = True
        ids = self._ids.known_visitor()
        if ids is not None and (ids.ruid or ids.reaid or ids.xuid):
            self._reporter.erase(replace(ids, device_id=None, session_id=None, anonymous_id=None), whose=ids)

    def snapshot(self) -> str:
        """Seal this visitor's ids into one text to keep with an order; `Site.resume` reports under them later.

        A site without keys says so in its log, and gets a text under which nothing is reported.

        Raises:
            ConfigError: The site has no ``secret_keys``, and is strict.
        """
        self._read = True
        granted = self._ids.consents[0] is Consent.GRANTED
        try:
            return self._policy.format_snapshot(self._visitor() if granted else None)
        except ConfigError as error:
            if self.strict:
                raise
            self._policy.notices.say(logging.ERROR, str(error))
            return NO_SNAPSHOT

    # What a door asks

    def answer(self) -> Answer | None:
        """Answer in the application's place: a landing page's redirect, a visitor's consent; ``None``: ask it."""
        policy, view = self._policy, self._ids.view
        if policy.consent_endpoint is None and not policy.config.strip_query_ids:  # most sites
            return None
        if policy.consent_path is not None:
            path = decode_path(view.path)
            if path == policy.consent_path:
                return answer_consent(self, view)
            if policy.bridge is not None and path == policy.bridge.path:
                return answer_bridge(policy.bridge, view)
        target = self._ids.redirect
        return None if target is None else Answer(303, [("Location", target), ("Cache-Control", "no-store")])

    def is_of(self, view: RequestView) -> bool:
        """Tell whether another door sees this very request: a bridge made one protocol's request of another's."""
        ours = self._ids.view
        return (ours.method, ours.query, *_likeness(ours)) == (view.method, view.query, *_likeness(view))

    def belongs_to(self, policy: Policy) -> bool:
        """Tell whether it was begun by the site of this policy."""
        return self._policy is policy

    def capture(self, query: str) -> None:
        """Take ``reaid`` or ``xuid`` from the query of an earlier page, now that the visitor consents."""
        self._ids.capture(query)

    async def read_consent_async(self) -> None:
        """Ask a reader that has to wait, before the application runs: a second at most, then it is unknown."""
        from anyio import move_on_after

        with move_on_after(CONSENT_WAIT):
            await self._ids.read_consents_async()

    def finish(self, status: int, headers: Sequence[tuple[str, str]]) -> HeaderEdit | None:
        """Decide what the response that now starts carries.

        Returns:
            What to drop from its headers and what to append; ``None``: leave them as they are.
        """
        if self.finished:
            return None
        if self.awaits_user:
            self._give_up_on_user()
        if self._held:
            self._settle()
        ids = self._ids
        lines = response_cookies(ids) if status >= 200 and status != 304 else []
        self.finished = True
        # A page that looked at a denial (no banner, say) is for those who denied.
        looked = self._read or self._consulted
        device = ids.consents[0] if looked else None
        if lines and not headers and not looked and ids.consents[1] is not Consent.DENIED:  # most often
            ids.close(written=True)
            return HeaderEdit(True, ONE_LINE, [PRIVATE, *lines])  # noqa: FBT003 - a keyword costs as much as a field
        edit = cache_decision(
            status,
            headers,
            pending=bool(lines) or device is Consent.DENIED,
            changed=ids.changed,
            read=self._read and device is not Consent.UNKNOWN,
            public_responses=self._policy.public_responses,
        )
        ids.close(written=edit.cookies)
        if edit.shared and not edit.cookies and self._reported:
            self._policy.notices.warn_once(
                "shared", "an event came from a response marked for shared caches: visits that a cache serves go unseen"
            )
        if edit.cookies and lines:
            device, person = ids.consents
            if person is Consent.DENIED:
                # Somebody withdrew elsewhere, in a consent platform or by Sec-GPC: what is under way is theirs too.
                if device is not Consent.DENIED:
                    self._erase_person()
                elif not self._erased:
                    self._erase(ask=False)
            edit.add.extend(lines)
        return edit if edit.add or edit.drop else None

    def finish_anew(
        self, status: int, headers: Sequence[tuple[str, str]], edit: HeaderEdit | None
    ) -> HeaderEdit | None:
        """Decide what a response carries that takes the place of one that was never sent.

        Args:
            status: Its own.
            headers: Its own.
            edit: What `finish` decided for the other.
        """
        ours = [] if edit is None else [line for line in edit.add if line[0] not in ("Cache-Control", "Vary")]
        if edit is None or not edit.cookies:  # the other was none to carry cookies: a 304, or for shared caches
            ours += response_cookies(self._ids)
        anew = cache_decision(
            status,
            headers,
            pending=any(name == "Set-Cookie" for name, _ in ours),
            changed=self._ids.changed,
            read=self._read and self._ids.consents[0] is not Consent.UNKNOWN,
            public_responses=self._policy.config.public_responses,
        )
        anew.add.extend(line for line in ours if anew.cookies or line[0] != "Set-Cookie")
        return anew

    async def wait_for_user(self) -> None:
        """Wait until the site has said who is logged in: a second at most."""
        await self._logged_in.wait()
        self.awaits_user = False

    def release(self) -> None:
        """Let go of the request once it is over, however it ended: a cycle through it would wait for the collector.

        What is still held goes under the device alone, if that was consented to, else it is counted as refused.
        """
        if not self.finished:  # no response started, and none will: an error, a client that left, or a WebSocket
            self.finished = True
            if self.awaits_user:
                self._learn_user(None)
            self._ids.close(written=False)
            self._settle()
        self._request = None
        if self._login is not None:
            self._login.release()

    def _settle(self) -> None:
        held, self._held = self._held, None
        for event in held or ():
            # The view is done, so an error would reach nobody but the visitor.
            self._report(event, self._ids.consents, strict=False)

    def _held_refused(self, reason: str) -> None:
        held, self._held = self._held, None
        for event in held or ():
            self._reporter.refuse(event, reason)

    def _visitor(self) -> Visitor | None:
        return self._ids.use(self.user_id if self._asks_for_user else None, may_mint=not self.finished)

    @property
    def _must_wait(self) -> bool:
        if self._asks_for_user:
            self._ask_user()
        return self.awaits_user

    @property
    def _asks_for_user(self) -> bool:
        """Whether the site may be asked who is logged in: asking marks the framework's session as used."""
        return self._ids.consents[1] is Consent.GRANTED

    def _warn_if_late(self, what: str) -> None:
        if self.finished:
            self._policy.notices.warn_once(
                f"late {what}", f"{what}() came after the response had started: no cookie can tell of it"
            )

    def __repr__(self) -> str:
        """Name the request's class, never its visitor."""
        return f"<Tracking of a {self.request_class.name}>"


def _likeness(view: RequestView) -> tuple[str | None, ...]:
    # Bridges join a cookie's lines by a comma.
    return view.header("host"), view.header("user-agent"), (view.header("cookie") or "").replace("; ", ",")


def _text_of(value: object) -> str | None:
    """Return text as a plain `str`; ``None`` of what is none, be it a lazy object that fails to say what it is."""
    try:
        return str.__str__(value) if isinstance(value, str) else None
    except Exception:  # noqa: BLE001 - the shop's own code; a database that is down, say
        return None
