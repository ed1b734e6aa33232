"""What this request's visitor has chosen for the device purpose, and for the person purpose."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable, iscoroutinefunction
from typing import TypeAlias

from footfall.config import ConsentReader
from footfall.consent.combine import DEFAULT, Combined, Readers, always_granted, person_of
from footfall.consent.own import OwnCookie
from footfall.consent.pending import check_consent, dismiss
from footfall.request import Consent, RequestView

__all__ = ["Question", "has_gpc", "is_async", "read_consent", "read_consent_async"]

Report: TypeAlias = Callable[[Exception], object]
BOTH_GRANTED = (Consent.GRANTED, Consent.GRANTED)


def has_gpc(view: RequestView) -> bool:
    """Tell whether the browser sends Global Privacy Control: ``Sec-GPC`` with its only value, ``1``.

    California requires a site to show that it honoured the signal (11 CCR 7025).
    """
    value = view.header("sec-gpc")
    return value is not None and "1" in (part.strip() for part in value.split(","))


def is_async(reader: Readers) -> bool:
    """Tell whether a reader, or one inside it, is an ``async def``, which only ASGI can await."""
    if reader is None:
        return False
    if not callable(reader):
        return any(map(is_async, reader.values()))
    if isinstance(reader, Combined):
        return any(map(is_async, reader.readers))
    return iscoroutinefunction(reader) or iscoroutinefunction(type(reader).__call__)


def read_consent(
    reader: Readers, view: RequestView, *, honour_gpc: bool, on_error: Report | None = None
) -> tuple[Consent, Consent]:
    """Ask a reader what the visitor has chosen.

    Nothing that a visitor sends or a reader does makes this raise.

    Args:
        reader: Gives one answer for both purposes, unless it is an `own_cookie` or holds one, which has an answer for
            each; a mapping has a reader for ``"device"`` and one for ``"person"``; ``None`` is ``own_cookie()``.
        view: The request.
        honour_gpc: Whether ``Sec-GPC: 1`` denies both purposes; the reader is then not asked.
        on_error: Called with the exception if a reader raised, answered no `Consent`, or is async; the purpose is then
            unknown. The exception may be the site's own and quote its visitor: log its type, not its text.

    Returns:
        The device purpose and the person purpose. The person is granted only if the device is, for nobody can be known
        as a person by a device that must not be known. It may be denied while the device is unknown.
    """
    return Question(reader, honour_gpc=honour_gpc, on_error=on_error).ask(view)


async def read_consent_async(
    reader: Readers, view: RequestView, *, honour_gpc: bool, on_error: Report | None = None
) -> tuple[Consent, Consent]:
    """Ask a reader as `read_consent` does, and await it if need be.

    The caller bounds how long: this layer has no clock.
    """
    return await Question(reader, honour_gpc=honour_gpc, on_error=on_error).ask_async(view)


class Question:
    """What `read_consent` does, prepared for one site. The arguments are the same."""

    __slots__ = ("_device", "_honour_gpc", "_own", "_person", "_report")

    def __init__(self, reader: Readers, *, honour_gpc: bool, on_error: Report | None = None) -> None:
        """Find the readers of the two purposes."""
        self._honour_gpc = honour_gpc
        self._report = on_error
        self._device, self._person = _split(reader)
        self._own = reader if isinstance(reader, OwnCookie) else DEFAULT if reader is None else None

    def ask(self, view: RequestView) -> tuple[Consent, Consent]:
        """Ask what the visitor of one request has chosen."""
        if self._honour_gpc and view.header("sec-gpc") is not None and has_gpc(view):
            return Consent.DENIED, Consent.DENIED
        if self._own is not None:  # one cookie holds both
            return _capped(*self._own.read(view))
        if self._device is always_granted is self._person:  # does not look at the request
            return BOTH_GRANTED
        device = _ask(self._device, view, self._report)
        if self._person is self._device:
            return device, device
        return _capped(device, _ask(self._person, view, self._report))

    async def ask_async(self, view: RequestView) -> tuple[Consent, Consent]:
        """Ask as `ask` does, and await a reader if need be."""
        if self._honour_gpc and has_gpc(view):
            return Consent.DENIED, Consent.DENIED
        device = await _ask_async(self._device, view, self._report)
        if self._person is self._device:
            return device, device
        return _capped(device, await _ask_async(self._person, view, self._report))


def _split(reader: Readers) -> tuple[ConsentReader, ConsentReader]:
    if reader is None:
        return DEFAULT, DEFAULT.person
    if not callable(reader):
        return reader["device"], person_of(reader["person"])
    return reader, person_of(reader)


def _ask(reader: ConsentReader, view: RequestView, report: Report | None) -> Consent:
    try:
        return _refuse_async(reader(view))
    except Exception as error:  # noqa: BLE001 - a site's own code, on a page that must not fail because of us
        if report is not None:
            report(error)
        return Consent.UNKNOWN


async def _ask_async(reader: ConsentReader, view: RequestView, report: Report | None) -> Consent:
    try:
        answer = reader(view)
        return check_consent(await answer if isawaitable(answer) else answer)
    except Exception as error:  # noqa: BLE001 - as above
        if report is not None:
            report(error)
        return Consent.UNKNOWN


def _refuse_async(answer: object) -> Consent:
    if isinstance(answer, Consent):  # first, as the usual case: recognizing an awaitable takes longer than all the rest
        return answer
    if isawaitable(answer):
        dismiss(answer)
        raise TypeError(
            "a consent reader answered an awaitable, and nothing here awaits it; write a plain function, or, behind"
            " ASGI alone, an async def"
        )
    return check_consent(answer)


def _capped(device: Consent, person: Consent) -> tuple[Consent, Consent]:
    if device is Consent.GRANTED or person is Consent.DENIED:
        return device, person
    return device, device
