"""Which cookies a response should set: those of a visit, those that its request changed, and no other."""

from __future__ import annotations

from footfall.identity.cookies import SET_COOKIE, CookieWriter
from footfall.identity.ids import encode_ruid, parse_token
from footfall.identity.recognize import Known, mark_of
from footfall.policy import Place, Policy
from footfall.request import Consent
from footfall.tracking.ids import KnownIds

__all__ = ["FORGOTTEN_FOR", "response_cookies"]

PERSON = ("ruid", "reaid", "xuid")
ROLES = ("device", "session", "session_open", *PERSON)
# How long a forgotten id stays forgotten: longer than any response of the same page load is under way.
FORGOTTEN_FOR = 3600


def response_cookies(ids: KnownIds) -> list[tuple[str, str]]:
    """Decide, once the view is done, which ``Set-Cookie`` lines the response should have.

    Straight on for a visit whose cookies are in order; what is odd about one is `_Odd`'s.
    """
    lines: list[tuple[str, str]] = []
    kind = ids.request_class
    if not (kind.renew or ids.changed or ids.minted_device or ids.minted_session) or not ids.may_write(kind):
        return lines
    place = ids.policy.place(ids.view)
    device, person = ids.consents
    if ids.forgotten:
        _Odd(ids, place, lines).forget()
    elif device is Consent.GRANTED and kind.read:
        known = ids.known
        if kind.mint and (known.device is None or known.alive is None):
            ids.mint(on_use=False)
        _keep_visit(ids, place, known, lines, renew=kind.renew)
        if person is Consent.GRANTED:
            _keep_person(ids, place, known, lines)
        elif person is Consent.DENIED:
            _Odd(ids, place, lines).expire(PERSON)
    elif device is Consent.DENIED:
        _Odd(ids, place, lines).expire((*ROLES, "gone"))
    if ids.consent_to_write is not None:
        _Odd(ids, place, lines).keep_consent(*ids.consent_to_write)
    return lines


def _keep_visit(ids: KnownIds, place: Place, known: Known, lines: list[tuple[str, str]], *, renew: bool) -> None:
    policy = ids.policy
    device = known.device or ids.minted_device if renew else ids.minted_device
    session = known.alive or ids.minted_session if renew else ids.minted_session
    if known.twins or known.former or place.former_domain is not None:
        _Odd(ids, place, lines).keep_visit(device, session)
        return
    if device is not None:
        lines.append((SET_COOKIE, f"{policy.names.device}={device}{place.device_tail}"))
    if session is not None:
        lines.append((SET_COOKIE, f"{policy.names.session}={session}{place.session_tail}"))
        if policy.ends_with_browser:
            lines.append(place.open_line)


def _keep_person(ids: KnownIds, place: Place, known: Known, lines: list[tuple[str, str]]) -> None:
    policy, sent, captured = ids.policy, ids.view.sent(), ids.token_captured
    tokens, ruids = sent.get(policy.token_cookie), sent.get(policy.names.ruid)
    # One of each, where it is there at all, and nothing to drop beside it.
    plain = policy.former is None and place.former_domain is None and known.gone is None
    if plain and (tokens is None or len(tokens) == 1):
        # A captured token is set each time it is there; one that a cookie brought is set already.
        if captured is not None:
            lines.append((SET_COOKIE, f"{policy.token_cookie}={captured}{place.person_tail}"))
            if tokens is None or parse_token(tokens[0]) != captured:
                ids.changed = True
    else:
        _Odd(ids, place, lines).keep_token()
    if ids.identified is None and plain and (ruids is None or (len(ruids) == 1 and _is_fresh(policy, ruids[0]))):
        return
    _Odd(ids, place, lines).keep_ruid()


def _is_fresh(policy: Policy, ruid: str) -> bool:
    """Tell, without opening it, that the one ruid cookie that was sent need not be written again."""
    # What is not sealed does not grow stale.
    return policy.config.ruid_cookie != "sealed" or policy.sealer is None or policy.sealer.is_newest(ruid)


class _Odd:
    """Writes what few responses have: beside what is kept there is something to drop, or somebody has just changed.

    Twins, former names, a former domain; a person who was named; a choice, a denial, a forgotten visitor.
    """

    __slots__ = ("_ids", "_names", "_policy", "_scope", "_writer")

    def __init__(self, ids: KnownIds, place: Place, lines: list[tuple[str, str]]) -> None:
        self._ids = ids
        self._policy, self._names, self._scope = ids.policy, ids.policy.names, place.scope
        self._writer = CookieWriter(place.domain, secure=place.secure, former_domain=place.former_domain, lines=lines)

    def keep_visit(self, device: str | None, session: str | None) -> None:
        policy, known = self._policy, self._ids.known
        http_only = not policy.config.script_access
        kept: list[tuple[str, str | None, int | None, bool]] = [
            ("device", device, policy.device_seconds, http_only),
            ("session", session, policy.session_seconds, http_only),
        ]
        if session is not None and policy.ends_with_browser:
            kept.append(("session_open", "1", None, True))
        for role, value, age, hidden in kept:
            if value is not None:
                name: str = getattr(self._names, role)
                self._writer.set(name, value, age, http_only=hidden, twins=role in known.twins)
                self._leave_former(role, former=role in known.former)

    def keep_token(self) -> None:
        ids, policy = self._ids, self._policy
        captured, sent, token = ids.token_captured, ids.token_sent, ids.token
        if captured is not None and captured != sent.value:
            ids.changed = True
        if ids.known.gone and sent.sent and captured is None:
            self.expire((policy.token_name,))
        elif token is not None and (captured is not None or sent.twins or sent.former):
            self._writer.set(policy.token_cookie, token, max_age=policy.device_seconds, twins=sent.twins)
            self._leave_former(policy.token_name, former=sent.former)

    def keep_ruid(self) -> None:
        ids, policy, sent, ruid = self._ids, self._policy, self._ids.ruid_sent, self._ids.ruid
        if ids.known.gone and sent.sent and ids.identified is None:
            self.expire(("ruid",))
            return
        # Each time the user identifies (Server-side Tracking, "RuId"), and on a page once its key is not the newest.
        odd = sent.stale or sent.twins or sent.former
        due = ids.identified is not None or (ids.request_class.renew and odd)
        if ruid is None or policy.config.ruid_cookie == "off" or not due:
            return
        name = self._names.ruid
        sealed = policy.config.ruid_cookie == "sealed"
        value = policy.seal(ruid, name, self._scope) if sealed else encode_ruid(ruid)
        self._writer.set(name, value, max_age=policy.device_seconds, twins=sent.twins)
        self._leave_former("ruid", former=sent.former)

    def keep_consent(self, device: Consent, person: Consent) -> None:
        own = self._policy.own_consent
        if own is not None:
            value = own.format(device, person, self._ids.view.time)
            self._writer.set(own.name, value, max_age=int(own.max_age.total_seconds()), http_only=False)

    def expire(self, roles: tuple[str, ...]) -> None:
        """Expire what the browser sent, under either name; what it did not send needs no word."""
        for name in self._ours(roles):
            if name in self._ids.view.sent():
                self._writer.expire(name)

    def forget(self) -> None:
        ids, now = self._ids, [getattr(self._names, role) for role in ROLES]
        for name in self._ours(ROLES):
            # Also what this browser did not send: another response of the same page load may be setting it.
            if name in now or name in ids.view.sent():
                self._writer.expire(name)
        device = ids.known.device or ids.known.gone or ids.minted_device
        # Without consent nothing could be renewed, so that nothing is kept against it.
        if device is not None and ids.consents[0] is Consent.GRANTED:
            self._writer.set(self._names.gone, mark_of(device), max_age=FORGOTTEN_FOR)

    def _ours(self, roles: tuple[str, ...]) -> list[str]:
        both = (names for names in (self._names, self._policy.former) if names is not None)
        return list(dict.fromkeys(getattr(names, role) for names in both for role in roles))

    def _leave_former(self, role: str, *, former: bool) -> None:
        if former:
            self._writer.expire(getattr(self._policy.former, role))
