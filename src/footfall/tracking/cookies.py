"""Which cookies a response should set: those of a visit, those that its request changed, and no other."""

from __future__ import annotations

from footfall.identity.ids import encode_ruid
from footfall.identity.recognize import Found, mark_of
from footfall.request import Consent
from footfall.tracking.ids import KnownIds

__all__ = ["ResponseCookies"]

ROLES = ("device", "session", "session_open", "ruid", "reaid", "xuid")
# How long a forgotten id stays forgotten: longer than any response of the same page load is under way.
FORGOTTEN_FOR = 3600


class ResponseCookies:
    """Decides, once the view is done, what of a request's ids its response should make the browser keep."""

    __slots__ = ("_config", "_former", "_ids", "_names", "_policy", "_writer")

    def __init__(self, ids: KnownIds) -> None:
        self._ids = ids
        self._policy, self._config, self._names, self._former = ids.policy, ids.config, ids.names, ids.former
        self._writer = ids.make_writer()

    def lines(self) -> list[str]:
        """Write the ``Set-Cookie`` lines that the response should have."""
        ids = self._ids
        kind = ids.request_class
        if ids.writable and (kind.renew or ids.changed or ids.minted_device or ids.minted_session):
            device, person = ids.consents
            if ids.forgotten:
                self._forget()
            elif device is Consent.DENIED:
                self._expire((*ROLES, "gone"))
            elif device is Consent.GRANTED and kind.read:
                self._visit()
                if person is Consent.DENIED:
                    self._expire(("ruid", "reaid", "xuid"))
                elif person is Consent.GRANTED and not ids.is_anonymous:
                    self._token()
                    self._ruid()
            if ids.consent_to_write is not None:
                self._consent(*ids.consent_to_write)
        return self._writer.lines

    def _visit(self) -> None:
        ids, names, known = self._ids, self._names, self._ids.known
        kind, http_only = ids.request_class, not self._config.script_access
        if kind.mint:
            ids.mint(on_use=False)
        device = known.device.value or ids.minted_device
        if device is not None and (kind.renew or ids.minted_device):
            age = self._policy.device_seconds
            self._writer.set(names.device, device, age, http_only=http_only, twins=known.device.twins)
            self._leave_former("device", known.device)
        session = known.alive or ids.minted_session
        if session is not None and (kind.renew or ids.minted_session):
            age = self._policy.session_seconds
            self._writer.set(names.session, session, age, http_only=http_only, twins=known.session.twins)
            self._leave_former("session", known.session)
            if self._config.session_ends_with_browser:
                self._writer.set(names.session_open, "1", twins=known.open.twins)
                self._leave_former("session_open", known.open)

    def _token(self) -> None:
        ids, sent = self._ids, self._ids.token_sent
        captured, token = ids.token_captured, ids.token
        if captured is not None and captured != sent.value:
            ids.changed = True
        if ids.known.gone and sent.sent and captured is None:
            self._expire((ids.token_name,))
        elif token is not None and (captured is not None or sent.twins or sent.former):
            name: str = getattr(self._names, ids.token_name)
            self._writer.set(name, token, max_age=self._policy.device_seconds, twins=sent.twins)
            self._leave_former(ids.token_name, sent)

    def _ruid(self) -> None:
        ids, sent, ruid = self._ids, self._ids.ruid_sent, self._ids.ruid
        if ids.known.gone and sent.sent and ids.identified is None:
            return self._expire(("ruid",))
        # Each time the user identifies (Server-side Tracking, "RuId"), and on a page once its key is not the newest.
        due = ids.identified is not None or (ids.request_class.renew and (sent.stale or sent.twins or sent.former))
        if ruid is None or self._config.ruid_cookie == "off" or not due:
            return None
        name = self._names.ruid
        sealed = self._config.ruid_cookie == "sealed"
        value = self._policy.seal(ruid, name, ids.scope.name) if sealed else encode_ruid(ruid)
        self._writer.set(name, value, max_age=self._policy.device_seconds, twins=sent.twins)
        return self._leave_former("ruid", sent)

    def _leave_former(self, role: str, found: Found) -> None:
        if found.former:
            self._writer.expire(getattr(self._former, role))

    def _expire(self, roles: tuple[str, ...]) -> None:
        """Expire what the browser sent, under either name; what it did not send needs no word."""
        for name in self._ours(roles):
            if name in self._ids.sent:
                self._writer.expire(name)

    def _ours(self, roles: tuple[str, ...]) -> list[str]:
        both = (names for names in (self._names, self._former) if names is not None)
        return list(dict.fromkeys(getattr(names, role) for names in both for role in roles))

    def _forget(self) -> None:
        ids, now = self._ids, [getattr(self._names, role) for role in ROLES]
        for name in self._ours(ROLES):
            # Also what this browser did not send: another response of the same page load may be setting it.
            if name in now or name in ids.sent:
                self._writer.expire(name)
        device = ids.known.device.value or ids.known.gone or ids.minted_device
        # Without consent nothing could be renewed, so that nothing is kept against it.
        if device is not None and ids.consents[0] is Consent.GRANTED:
            self._writer.set(self._names.gone, mark_of(device), max_age=FORGOTTEN_FOR)

    def _consent(self, device: Consent, person: Consent) -> None:
        own = self._policy.own_consent
        if own is not None:
            value = own.format(device, person, self._ids.view.time)
            self._writer.set(own.name, value, max_age=int(own.max_age.total_seconds()), http_only=False)
