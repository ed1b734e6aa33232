"""Which cookies a response should set: those of a visit, those that its request changed, and no other."""

from __future__ import annotations

from footfall.identity.cookies import CookieChange
from footfall.identity.ids import encode_ruid
from footfall.identity.recognize import Found
from footfall.recollection import Recollection, mark_of
from footfall.request import Consent

__all__ = ["Remembering"]

ROLES = ("device", "session", "session_open", "ruid", "reaid", "xuid")
# How long a forgotten id stays forgotten: longer than any response of the same page load is under way.
FORGOTTEN_FOR = 3600


class Remembering:
    """Decides, once the view is done, what of a request's ids its response should make the browser keep."""

    __slots__ = ("_config", "_former", "_ids", "_names", "_site", "_view")

    def __init__(self, ids: Recollection) -> None:
        self._ids = ids
        self._site, self._view = ids.site, ids.view
        self._config, self._names, self._former = ids.config, ids.names, ids.former

    def changes(self) -> list[CookieChange]:
        """Decide which cookies the response sets: those of a visit, and those that this request changed."""
        kind = self._ids.request_class
        if not self._ids.writable or not (
            kind.renew or self._ids.changed or self._ids.minted_device or self._ids.minted_session
        ):
            return []
        changes: list[CookieChange] = []
        device, person = self._ids.consents
        if self._ids.forgotten:
            changes += self._forgotten()
        elif device is Consent.DENIED:
            changes += self._expiries((*ROLES, "gone"))
        elif device is Consent.GRANTED and kind.read:
            changes += self._visit()
            if person is Consent.DENIED:
                changes += self._expiries(("ruid", "reaid", "xuid"))
            elif person is Consent.GRANTED:
                changes += self._person()
        return changes + self._consent_change()

    def _visit(self) -> list[CookieChange]:
        if self._ids.request_class.mint:
            self._ids.mint(on_use=False)
        config, names, script = self._config, self._names, self._config.script_access
        device, session = (
            self._ids.device.value or self._ids.minted_device,
            self._ids.session or self._ids.minted_session,
        )
        changes: list[CookieChange] = []
        if device is not None and (self._ids.request_class.renew or self._ids.minted_device):
            age = self._site.device_seconds
            changes.append(
                CookieChange(
                    name=names.device, value=device, max_age=age, http_only=not script, twins=self._ids.device.twins
                )
            )
            changes += self._former_expiry("device", self._ids.device)
        if session is not None and (self._ids.request_class.renew or self._ids.minted_session):
            sent = self._ids.session_sent
            age = self._site.session_seconds
            changes.append(
                CookieChange(name=names.session, value=session, max_age=age, http_only=not script, twins=sent.id.twins)
            )
            changes += self._former_expiry("session", sent.id)
            if config.session_ends_with_browser:
                changes.append(CookieChange(name=names.session_open, value="1", twins=sent.open.twins))
                changes += self._former_expiry("session_open", sent.open)
        return changes

    def _person(self) -> list[CookieChange]:
        age = self._site.device_seconds
        changes: list[CookieChange] = []
        token, sent = self._ids.token, self._ids.token_sent
        if self._ids.token_captured is not None and self._ids.token_captured != sent.value:
            self._ids.changed = True
        if self._ids.gone and sent.sent and self._ids.token_captured is None:
            changes += self._expiries((self._ids.token_name,))
        elif token is not None and (self._ids.token_captured is not None or sent.twins or sent.former):
            name: str = getattr(self._names, self._ids.token_name)
            changes.append(CookieChange(name=name, value=token, max_age=age, twins=sent.twins))
            changes += self._former_expiry(self._ids.token_name, sent)
        return changes + self._ruid_change(age)

    def _ruid_change(self, age: int) -> list[CookieChange]:
        ruid, sent = self._ids.ruid, self._ids.ruid_sent
        if self._ids.gone and sent.sent and self._ids.identified is None:
            return self._expiries(("ruid",))
        if ruid is None or self._config.ruid_cookie == "off":
            return []
        # Each time the user identifies, and on a page once its key is no longer the newest.
        if self._ids.identified is None and not (
            self._ids.request_class.renew and (sent.stale or sent.twins or sent.former)
        ):
            return []
        if self._config.ruid_cookie == "sealed":
            value = self._site.seal(ruid, self._names.ruid, self._ids.scope.name)
        else:
            value = encode_ruid(ruid)
        change = CookieChange(name=self._names.ruid, value=value, max_age=age, twins=sent.twins)
        return [change, *self._former_expiry("ruid", sent)]

    def _former_expiry(self, field: str, found: Found) -> list[CookieChange]:
        if self._former is None or not found.former:
            return []
        return [CookieChange(name=getattr(self._former, field), value=None)]

    def _expiries(self, which: tuple[str, ...]) -> list[CookieChange]:
        """Expire what the browser sent, under either name; what it did not send needs no word."""
        every = [getattr(names, field) for names in (self._names, self._former) if names is not None for field in which]
        return [CookieChange(name=name, value=None) for name in dict.fromkeys(every) if self._view.cookies(name)]

    def _forgotten(self) -> list[CookieChange]:
        # Also what this browser did not send: another response of the same page load may be setting it.
        every = [getattr(self._names, role) for role in ROLES]
        changes = [CookieChange(name=name, value=None) for name in every]
        changes += [change for change in self._expiries(ROLES) if change.name not in every]
        device = self._ids.raw_device.value or self._ids.minted_device
        # Without consent nothing could be renewed, so that nothing is kept against it.
        if device is not None and self._ids.consents[0] is Consent.GRANTED:
            changes.append(CookieChange(name=self._names.gone, value=mark_of(device), max_age=FORGOTTEN_FOR))
        return changes

    def _consent_change(self) -> list[CookieChange]:
        own = self._site.own_consent
        if own is None or self._ids.consent_to_write is None:
            return []
        value = own.format(*self._ids.consent_to_write, self._view.time)
        return [CookieChange(name=own.name, value=value, max_age=int(own.max_age.total_seconds()), http_only=False)]
