"""A reader of the Transparency and Consent Framework's string: its core segment, and which vendors were disclosed.

Source: IAB Tech Lab, "Consent string and vendor list formats v2", "The Core String", "Disclosed Vendors". Bits are
counted from zero.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Collection
from functools import partial
from typing import Final

from footfall.consent.reading import CookieReader
from footfall.errors import ConfigError
from footfall.request import Consent

__all__ = ["tcf"]

_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,4096}")
_SHORTEST_CORE = 213  # bits
_PURPOSES = slice(152, 176)
_LETTERS = (slice(108, 114), slice(114, 120), slice(201, 207), slice(207, 213))  # a language's two, a country's two
_DISCLOSED = 1  # the type of the segment that lists the vendors which the visitor was told of
#: "Flatly not allowed", and "require legitimate interest", which is not asked for here. Type 1, "require consent",
#: asks for no more than this reader does.
_FORBIDDING: Final = (0, 2)


def tcf(
    purposes: Collection[int] = frozenset({1, 5, 6}), vendor: int | None = None, *, cookie: str = "euconsent-v2"
) -> CookieReader:
    """Make a reader of a TC string, version 2.

    Args:
        purposes: The purposes that must all be consented to; legitimate interest does not count. The default: 1 store
            and access information, 5 create and 6 use profiles to personalise content.
        vendor: The number in the Global Vendor List of a vendor that must be consented to as well. The string must
            then say, as version 2.3 does, that the visitor was told of this vendor, and the publisher's restrictions
            must not keep it from any of the purposes.
        cookie: The cookie in which the consent platform keeps the string.

    Returns:
        A reader: denied if a well-formed string lacks any of them; unknown if the string is malformed, or, with
        *vendor*, does not say which vendors were disclosed.

    Raises:
        ConfigError: An argument is wrong.
    """
    if isinstance(purposes, str) or not isinstance(purposes, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"tcf's purposes: is {purposes!r}; write a set of numbers such as {{1, 5, 6}}")
    numbers = sorted(purposes, key=repr)
    if not purposes or not all(type(purpose) is int and 1 <= purpose <= 24 for purpose in purposes):
        raise ConfigError(f"tcf's purposes: is {numbers}; write one or more numbers from 1 to 24")
    if vendor is not None and (type(vendor) is not int or not 1 <= vendor <= 65535):
        raise ConfigError(f"tcf's vendor: is {vendor!r}; write its number in the Global Vendor List, or None")
    made_by = f"tcf({{{', '.join(map(str, numbers))}}}{'' if vendor is None else f', {vendor}'})"
    return CookieReader(made_by, cookie, partial(_parse, frozenset(purposes), vendor))


def _parse(purposes: frozenset[int], vendor: int | None, value: str) -> Consent:
    core, *others = value.split(".")
    bits = _to_bits(core)
    # Checking four letters A to Z is cheap, and tells a TC string from other base64 that starts with a C.
    if len(bits) < _SHORTEST_CORE or int(bits[:6], 2) != 2 or any(int(bits[letter], 2) > 25 for letter in _LETTERS):
        return Consent.UNKNOWN
    consented = bits[_PURPOSES]
    if not all(consented[purpose - 1] == "1" for purpose in purposes):
        return Consent.DENIED
    if vendor is None:
        return Consent.GRANTED
    try:
        allowed = _allows(_Segment(bits, _SHORTEST_CORE), purposes, vendor)
        disclosed = _discloses(others, vendor) if allowed else None
    except EOFError:
        return Consent.UNKNOWN
    if not allowed:
        return Consent.DENIED
    if disclosed is None:
        return Consent.UNKNOWN
    return Consent.GRANTED if disclosed else Consent.DENIED


def _allows(core: _Segment, purposes: frozenset[int], vendor: int) -> bool:
    """Read the rest of the core: the vendors with consent, those with legitimate interest, the restrictions."""
    consented = core.has_vendor(vendor)
    core.has_vendor(vendor)
    restricted = False
    for _ in range(core.take(12)):
        purpose, kind = core.take(6), core.take(2)
        concerned = core.is_in_ranges(vendor)
        restricted = restricted or (concerned and kind in _FORBIDDING and purpose in purposes)
    return consented and not restricted


def _discloses(segments: list[str], vendor: int) -> bool | None:
    """Tell whether the visitor was told of the vendor; ``None`` if no segment says of whom they were."""
    for segment in segments:
        bits = _to_bits(segment)
        if bits and int(bits[:3], 2) == _DISCLOSED:
            return _Segment(bits, 3).has_vendor(vendor)
    return None


def _to_bits(segment: str) -> str:
    """Decode a segment; ``""`` if it is none."""
    if not _SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        return ""
    octets = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    return f"{int.from_bytes(octets):0{8 * len(octets)}b}"


class _Segment:
    """A segment's bits, read from the front. Whatever counts say, the segment's length bounds every loop.

    Raises:
        EOFError: From any of its methods: the segment ends too early.
    """

    __slots__ = ("_at", "_bits")

    def __init__(self, bits: str, at: int) -> None:
        self._bits = bits
        self._at = at

    def take(self, width: int) -> int:
        """Read a number."""
        return int(self._cut(width), 2)

    def has_vendor(self, vendor: int) -> bool:
        """Read a set of vendors, written as one bit each or as ranges."""
        highest = self.take(16)
        if self.take(1):
            return self.is_in_ranges(vendor)
        each = self._cut(highest)
        return vendor <= highest and each[vendor - 1] == "1"

    def is_in_ranges(self, vendor: int) -> bool:
        """Read a list of vendors and ranges of them."""
        found = False
        for _ in range(self.take(12)):
            is_range = self.take(1)
            first = self.take(16)
            last = self.take(16) if is_range else first
            found = found or first <= vendor <= last
        return found

    def _cut(self, width: int) -> str:
        end = self._at + width
        if end > len(self._bits):
            raise EOFError
        cut, self._at = self._bits[self._at : end], end
        return cut
