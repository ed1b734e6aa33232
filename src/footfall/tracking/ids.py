"""The ids that one request is known by: recognized when first asked for, minted where they may be."""

from __future__ import annotations

from enum import Enum

from footfall.consent import has_gpc
from footfall.identity.domain import parse_host
from footfall.identity.ids import LONGEST_PERSON, query_token, read_token
from footfall.identity.landing import landing_redirect
from footfall.identity.recognize import NOTHING, Found, Known, find, find_ruid, recognize
from footfall.identity.visitor import Visitor
from footfall.policy import Policy
from footfall.request import Consent, RequestClass, RequestView

__all__ = ["KnownIds"]


class _Answer(Enum):
    """Stands for an answer that may be ``None``."""

    NOT_ASKED = "not asked"


class KnownIds:
    """Who one request comes from. Each answer is found when first asked for, for most requests ask for few."""

    __slots__ = (
        "_anonymous_id",
        "_captured",
        "_class",
        "_closed",
        "_consents",
        "_known",
        "_ruid_sent",
        "_token_sent",
        "changed",
        "consent_to_write",
        "forgotten",
        "identified",
        "minted_device",
        "minted_session",
        "policy",
        "view",
    )

    def __init__(self, policy: Policy, view: RequestView) -> None:
        """Parse nothing yet."""
        self.policy = policy
        self.view = view
        self.minted_device: str | None = None
        self.minted_session: str | None = None
        self.identified: str | None = None
        self.forgotten = False
        self.consent_to_write: tuple[Consent, Consent] | None = None
        self.changed = False  #: this request changed who the visitor is
        self._closed = False
        self._class: RequestClass | None = None
        self._consents: tuple[Consent, Consent] | None = None
        self._known: Known | None = None
        self._ruid_sent: Found | None = None
        self._token_sent: Found | None = None
        self._captured: str | _Answer | None = _Answer.NOT_ASKED if view.query else None
        self._anonymous_id: str | _Answer | None = _Answer.NOT_ASKED

    # What the request is, and what its visitor allows

    @property
    def request_class(self) -> RequestClass:
        """What this request is and may do."""
        kind = self._class
        if kind is None:
            kind = self._class = self.policy.classify(self.view)
        return kind

    @property
    def consents(self) -> tuple[Consent, Consent]:
        """Of the device, and of the person."""
        said = self._consents
        if said is None:
            said = self._consents = self.policy.read_consents(self.view)
        return said

    async def read_consents_async(self) -> None:
        """Ask a reader that has to wait."""
        self._consents = await self.policy.read_consents_async(self.view)

    @property
    def gpc(self) -> bool:
        """Whether the browser sent Global Privacy Control and it counts here."""
        granted = self.consent_to_write is not None and self.consent_to_write[0] is Consent.GRANTED
        return not granted and self.policy.heeds_gpc(self.view)

    @property
    def granted_under_gpc(self) -> bool:
        """Whether this request's grant outweighs the signal from now on, and is to be marked so."""
        granted = self.consent_to_write is not None and self.consent_to_write[0] is Consent.GRANTED
        return granted and self.policy.config.honour_gpc == "unless-consented" and has_gpc(self.view)

    def set_consent(self, device: Consent, person: Consent) -> None:
        """Take the visitor's word, given in this request. ``Sec-GPC: 1`` outweighs a grant if the site says so."""
        if device is Consent.GRANTED and self.policy.config.honour_gpc is True and has_gpc(self.view):
            self.policy.notices.warn_once(
                "gpc", "grant() had no effect: the browser sends Sec-GPC: 1 and honour_gpc is on"
            )
            return
        self._consents = self.consent_to_write = (device, person)
        self.changed = True
        if device is Consent.GRANTED:
            self.mint(on_use=True)

    @property
    def _device_granted(self) -> bool:
        return self.consents[0] is Consent.GRANTED and self.request_class.read

    @property
    def _person_granted(self) -> bool:
        return self.consents[1] is Consent.GRANTED and self._device_granted

    # What the browser sent

    @property
    def known(self) -> Known:
        """Which browser it is, and which of its visits."""
        known = self._known
        if known is None:
            policy = self.policy
            known = self._known = recognize(
                self.view.sent(), policy.names, policy.former, ends_with_browser=policy.ends_with_browser
            )
        return known

    # The ids

    @property
    def device_id(self) -> str | None:
        """The device id, minted here if the request is a page of a visitor who has none."""
        if not self._device_granted or self.forgotten:
            return None
        return self.known.device or self.minted_device or self.mint(on_use=False)[0]

    @property
    def session_id(self) -> str | None:
        """The session id, minted as the device id is."""
        if not self._device_granted or self.forgotten:
            return None
        return self.known.alive or self.minted_session or self.mint(on_use=False)[1]

    @property
    def is_new_device(self) -> bool:
        """Whether this request minted the device id."""
        return self.device_id is not None and self.known.device is None

    @property
    def is_new_session(self) -> bool:
        """Whether this request minted the session id."""
        return self.session_id is not None and self.known.alive is None

    @property
    def is_confirmed(self) -> bool:
        """Whether the browser has returned the device id."""
        return self._device_granted and not self.forgotten and self.known.device is not None

    def mint(self, *, on_use: bool) -> tuple[str | None, str | None]:
        """Mint what is missing, both ids at once, where a browser will keep them."""
        kind = self.request_class
        # Who has just consented did so on one of the site's own pages: where cookies are renewed, none was withheld.
        consented = self.consent_to_write is not None and self.consent_to_write[0] is Consent.GRANTED
        allowed = kind.mint or (on_use and (kind.mint_on_use or (consented and kind.renew)))
        if allowed and self.may_write(kind) and not self._closed:
            if self.known.device is None and self.minted_device is None:
                self.minted_device = self.policy.new_id()
            if self.known.alive is None and self.minted_session is None:
                self.minted_session = self.policy.new_id()
        return self.minted_device, self.minted_session

    def may_write(self, kind: RequestClass) -> bool:
        """Tell whether cookies can be set: over http a browser refuses Secure ones, so an id would be nobody's."""
        return kind.write and (self.view.secure or not self.policy.needs_https)

    def close(self, *, written: bool) -> None:
        """Mint no more, for the response has started; an id that it does not set is nobody's, and taken back."""
        self._closed = True
        self.view.found = None  # who asks again has it looked for anew
        if not written:
            self.minted_device = self.minted_session = None

    @property
    def _uses_xuid(self) -> bool:
        return self.policy.uses_xuid

    @property
    def ruid_sent(self) -> Found:
        """What came under the ruid cookie's name."""
        found = self._ruid_sent
        if found is None:
            policy, config = self.policy, self.policy.config
            if self._uses_xuid or config.ruid_cookie == "off":
                found = NOTHING
            else:
                found = find_ruid(self.view.sent(), config, policy.sealer, policy.place(self.view).scope)
            self._ruid_sent = found
        return found

    @property
    def ruid(self) -> str | None:
        """Who the visitor said they are: in this request, else before."""
        if self._uses_xuid or not self._person_granted or self.forgotten:
            return None
        return self.identified or (None if self.known.gone else self.ruid_sent.value)

    @property
    def token_sent(self) -> Found:
        """The cookie of whichever of reaid and xuid this site uses."""
        found = self._token_sent
        if found is None:
            policy = self.policy
            former: str | None = None if policy.former is None else getattr(policy.former, policy.token_name)
            found = self._token_sent = find(self.view.sent(), policy.token_cookie, former, read_token)
        return found

    @property
    def token_captured(self) -> str | None:
        """The token in a landing page's query."""
        captured = self._captured
        if captured is _Answer.NOT_ASKED:
            query = self.view.query if self.request_class.capture else ""
            captured = self._captured = query_token(query, self.policy.token_name)
        return captured

    @property
    def token(self) -> str | None:
        """The token: of the query, else of the cookie."""
        if not self._person_granted or self.forgotten:
            return None
        # A newsletter's link is newer than the cookie an earlier one left behind.
        return self.token_captured or (None if self.known.gone else self.token_sent.value)

    @property
    def reaid(self) -> str | None:
        """The tracker's token for an address."""
        return None if self._uses_xuid else self.token

    @property
    def xuid(self) -> str | None:
        """The other mail system's token."""
        return self.token if self._uses_xuid else None

    # What the view does

    def identify(self, person: str) -> None:
        """Remember who the visitor is."""
        if self._uses_xuid:
            self.policy.notices.warn_once(
                "xuid", "identify() does nothing: this site's person id is xuid, never beside ruid"
            )
            return
        if not person or len(person) > LONGEST_PERSON or not _is_encodable(person):
            self.policy.notices.warn_once(
                "identify", f"identify() was given unusable text (empty, over {LONGEST_PERSON} characters)"
            )
            return
        if self.consents[0] is Consent.DENIED or self.consents[1] is Consent.DENIED:
            return
        if person != self.ruid:
            self.changed = True
        self.identified = person
        if self._device_granted:
            self.mint(on_use=True)

    def capture(self, query: str) -> None:
        """Take the token of an earlier page's query, if there is one; without consent to it nobody is told."""
        self._captured = query_token(query, self.policy.token_name) or self.token_captured

    def forget(self) -> None:
        """Expire everything."""
        self.forgotten = True
        self.changed = True

    def use(self, user_id: str | None, *, may_mint: bool) -> Visitor | None:
        """Return whom an event is of, minted now if need be; ``None`` where an unconfirmed id's events are refused."""
        if not self._device_granted:
            return self.anonymous_visitor()
        if may_mint and not self.forgotten:
            self.mint(on_use=True)
        if self.policy.config.unconfirmed_events != "send" and not self.is_confirmed:
            return None if self.policy.config.unconfirmed_events == "refuse" else self.anonymous_visitor()
        return Visitor(
            device_id=None if self.forgotten else self.known.device or self.minted_device,
            session_id=None if self.forgotten else self.known.alive or self.minted_session,
            ruid=self.ruid,
            reaid=self.reaid,
            xuid=self.xuid,
            user_id=user_id if self._person_granted and not self.forgotten else None,
            anonymous_id=None if self.forgotten else self._own_anonymous_id or self.known.device or self.minted_device,
            anonymous_user=self.policy.config.anonymous_user,
            page_url=self._page_url,
        )

    def anonymous_visitor(self) -> Visitor:
        """Return nobody in particular."""
        return Visitor(anonymous_user=self.policy.config.anonymous_user)

    @property
    def is_known(self) -> bool:
        """Whether this visitor may still be recognized."""
        return self._device_granted and not self.forgotten

    def known_visitor(self) -> Visitor | None:
        """Return the ids to erase: those the browser sent or got, whatever the visitor now allows; no user id."""
        device = self.known.device or self.minted_device
        if not self.request_class.read or (self.known.gone and device is None):
            return None
        # What was never stored, for want of consent, is nothing to erase, and nobody's to be told of.
        learned = self._person_granted
        token = (self.token_captured if learned else None) or self.token_sent.value
        ruid = (self.identified if learned else None) or self.ruid_sent.value
        if device is None and ruid is None and token is None:
            return None
        return Visitor(
            device_id=device,
            session_id=self.known.session or self.minted_session,
            ruid=ruid,
            reaid=None if self._uses_xuid else token,
            xuid=token if self._uses_xuid else None,
            anonymous_id=self._own_anonymous_id or device,
        )

    @property
    def _own_anonymous_id(self) -> str | None:
        asked = self._anonymous_id
        if asked is _Answer.NOT_ASKED:
            asked = self._anonymous_id = self.policy.anonymous_id(self.view)
        return asked

    @property
    def _page_url(self) -> str | None:
        view = self.view
        if not parse_host(view.host):
            return None
        origin = f"{view.scheme}://{view.host}"
        if self.request_class.capture:  # a page of its own
            return f"{origin}{view.path}?{view.query}" if view.query else f"{origin}{view.path}"
        # A script's address is no page; the page that it runs in is in its Referer.
        referer = view.header("referer")
        return referer if referer and referer.startswith(f"{origin}/") else None

    @property
    def redirect(self) -> str | None:
        """The landing page's address without its ids, if they were captured and the site strips them."""
        if not self.policy.config.strip_query_ids or self.view.method != "GET" or self.token_captured is None:
            return None
        if not self._person_granted or not self.may_write(self.request_class):
            return None
        return landing_redirect(self.view.path, self.view.query, ("reaid", "xuid"))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
