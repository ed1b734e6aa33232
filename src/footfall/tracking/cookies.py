"""Which cookies a response should set: those of a visit, those that its request changed, and no other."""

from __future__ import annotations

from footfall.identity.cookies import CookieWriter
from footfall.identity.ids import encode_ruid
from footfall.identity.recognize import Known, mark_of
from footfall.request import Consent, RequestClass
from footfall.tracking.ids import KnownIds

__all__ = ["FORGOTTEN_FOR", "ResponseCookies"]

ROLES = ("device", "session", "session_open", "ruid", "reaid", "xuid")
# How long a forgotten id stays forgotten: longer than any response of the same page load is under way.
FORGOTTEN_FOR = 3600


class ResponseCookies:
    """Decides, once the view is done, what of a request's ids its response should make the browser keep."""

    __slots__ = ("_ids", "_names", "_place", "_policy", "lines")

    def __init__(self, ids: KnownIds) -> None:
        """Decide: `lines` are the ``Set-Cookie`` lines that the response should have."""
        self.lines: list[str] = []
        kind = ids.request_class
        if not (kind.renew or ids.changed or ids.minted_device or ids.minted_session) or not ids.writable:
            return
        self._ids = ids
        self._policy = policy = ids.policy
        self._names = policy.names
        self._place = policy.place(ids.view)
        device, person = ids.consents
        if ids.forgotten:
            self._forget()
        elif device is Consent.DENIED:
            self._expire((*ROLES, "gone"))
        elif device is Consent.GRANTED and kind.read:
            known = ids.known
            self._visit(ids, kind, known)
            if person is Consent.DENIED:
                self._expire(("ruid", "reaid", "xuid"))
            elif person is Consent.GRANTED:
                self._token(ids, known)
                self._ruid(ids, kind, known)
        if ids.consent_to_write is not None:
            self._consent(*ids.consent_to_write)

    def _writer(self) -> CookieWriter:
        """Make what writes the odd ones: twins, former names and domains, persons, expiries."""
        place = self._place
        return CookieWriter(place.domain, secure=place.secure, former_domain=place.former_domain, lines=self.lines)

    def _visit(self, ids: KnownIds, kind: RequestClass, known: Known) -> None:
        names, place = self._names, self._place
        if kind.mint and (known.device is None or known.alive is None):
            ids.mint(on_use=False)
        device, session = known.device or ids.minted_device, known.alive or ids.minted_session
        keeps_device = device is not None and (kind.renew or ids.minted_device is not None)
        keeps_session = session is not None and (kind.renew or ids.minted_session is not None)
        if known.twins or known.former or place.former_domain is not None:
            self._visit_odd(device if keeps_device else None, session if keeps_session else None)
            return
        if keeps_device:
            self.lines.append(f"{names.device}={device}{place.device_tail}")
        if keeps_session:
            self.lines.append(f"{names.session}={session}{place.session_tail}")
            if self._policy.config.session_ends_with_browser:
                self.lines.append(place.open_line)

    def _visit_odd(self, device: str | None, session: str | None) -> None:
        """Keep the same where there is something else to drop: twins, former names, a former domain."""
        policy, writer, known = self._policy, self._writer(), self._ids.known
        http_only = not policy.config.script_access
        kept: list[tuple[str, str | None, int | None, bool]] = [
            ("device", device, policy.device_seconds, http_only),
            ("session", session, policy.session_seconds, http_only),
        ]
        if session is not None and policy.config.session_ends_with_browser:
            kept.append(("session_open", "1", None, True))
        for role, value, age, hidden in kept:
            if value is not None:
                name: str = getattr(self._names, role)
                writer.set(name, value, age, http_only=hidden, twins=role in known.twins)
                if role in known.former:
                    writer.expire(getattr(policy.former, role))

    def _token(self, ids: KnownIds, known: Known) -> None:
        policy, captured = self._policy, ids.token_captured
        if captured is None and policy.former is None:
            values = ids.view.sent().get(policy.token_cookie)
            if values is None or (len(values) == 1 and not known.gone):  # it is there already: most often
                return
        sent, token = ids.token_sent, ids.token
        if captured is not None and captured != sent.value:
            ids.changed = True
        if known.gone and sent.sent and captured is None:
            self._expire((policy.token_name,))
        elif token is not None and (captured is not None or sent.twins or sent.former):
            writer = self._writer()
            writer.set(policy.token_cookie, token, max_age=policy.device_seconds, twins=sent.twins)
            if sent.former:
                writer.expire(getattr(policy.former, policy.token_name))

    def _ruid(self, ids: KnownIds, kind: RequestClass, known: Known) -> None:
        policy, config, name = self._policy, self._policy.config, self._names.ruid
        if ids.identified is None and policy.former is None:
            values = ids.view.sent().get(name)
            if values is None or (len(values) == 1 and not known.gone and self._is_fresh(values[0])):
                return
        sent, ruid = ids.ruid_sent, ids.ruid
        if known.gone and sent.sent and ids.identified is None:
            self._expire(("ruid",))
            return
        # Each time the user identifies (Server-side Tracking, "RuId"), and on a page once its key is not the newest.
        due = ids.identified is not None or (kind.renew and (sent.stale or sent.twins or sent.former))
        if ruid is None or config.ruid_cookie == "off" or not due:
            return
        sealed = config.ruid_cookie == "sealed"
        value = policy.seal(ruid, name, self._place.scope) if sealed else encode_ruid(ruid)
        writer = self._writer()
        writer.set(name, value, max_age=policy.device_seconds, twins=sent.twins)
        if sent.former and policy.former is not None:
            writer.expire(policy.former.ruid)

    def _is_fresh(self, ruid: str) -> bool:
        """Tell, without opening it, that the one ruid cookie that was sent need not be written again."""
        config, sealer = self._policy.config, self._policy.sealer
        if config.ruid_cookie != "sealed" or sealer is None:
            return True  # nothing that is not sealed grows stale
        return config.former_cookie_domain is None and sealer.is_newest(ruid)

    def _expire(self, roles: tuple[str, ...]) -> None:
        """Expire what the browser sent, under either name; what it did not send needs no word."""
        names = [name for name in self._ours(roles) if name in self._ids.sent]
        if names:
            writer = self._writer()
            for name in names:
                writer.expire(name)

    def _ours(self, roles: tuple[str, ...]) -> list[str]:
        both = (names for names in (self._names, self._policy.former) if names is not None)
        return list(dict.fromkeys(getattr(names, role) for names in both for role in roles))

    def _forget(self) -> None:
        ids, writer, now = self._ids, self._writer(), [getattr(self._names, role) for role in ROLES]
        for name in self._ours(ROLES):
            # Also what this browser did not send: another response of the same page load may be setting it.
            if name in now or name in ids.sent:
                writer.expire(name)
        device = ids.known.device or ids.known.gone or ids.minted_device
        # Without consent nothing could be renewed, so that nothing is kept against it.
        if device is not None and ids.consents[0] is Consent.GRANTED:
            writer.set(self._names.gone, mark_of(device), max_age=FORGOTTEN_FOR)

    def _consent(self, device: Consent, person: Consent) -> None:
        own = self._policy.own_consent
        if own is not None:
            value = own.format(device, person, self._ids.view.time)
            self._writer().set(own.name, value, max_age=int(own.max_age.total_seconds()), http_only=False)
