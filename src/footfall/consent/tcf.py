"""A reader of the Transparency and Consent Framework's string. It needs only the core segment.

Source: IAB Tech Lab, "Consent string and vendor list formats v2", "The Core String". Bits are counted from zero.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from footfall.consent.platforms import check_cookie_name, read_each
from footfall.errors import ConfigError
from footfall.request import Consent, RequestView

__all__ = ["TcString", "tcf"]

_CORE = re.compile(r"[A-Za-z0-9_-]{36,4096}")
_PURPOSES = slice(152, 176)
_LETTERS = (slice(108, 114), slice(114, 120), slice(201, 207), slice(207, 213))  # a language's two, a country's two
_MAX_VENDOR = slice(213, 229)
_IS_RANGE = 229
_VENDORS = 230
_CACHED = 512


@dataclass(frozen=True, slots=True)
class TcString:
    """A reader of purposes, and of one vendor if configured, from a TC string."""

    purposes: frozenset[int]
    vendor: int | None
    cookie: str

    def __post_init__(self) -> None:
        """Refuse purposes and vendors that no TC string can hold."""
        if not self.purposes or not all(type(purpose) is int and 1 <= purpose <= 24 for purpose in self.purposes):
            raise ConfigError(
                f"tcf's purposes: is {sorted(self.purposes, key=repr)}; write one or more numbers from 1 to 24"
            )
        if self.vendor is not None and (type(self.vendor) is not int or not 1 <= self.vendor <= 65535):
            raise ConfigError(f"tcf's vendor: is {self.vendor!r}; write its number in the Global Vendor List, or None")
        check_cookie_name("tcf", self.cookie)

    @property
    def cookie_names(self) -> tuple[str, ...]:
        """The cookie that the reader reads."""
        return (self.cookie,)

    def __call__(self, view: RequestView) -> Consent:
        """Read the cookie."""
        return read_each(view, self.cookie, self._parse)

    def _parse(self, value: str) -> Consent:
        return _read_core(value.partition(".")[0], self.purposes, self.vendor)


def tcf(
    purposes: Collection[int] = frozenset({1, 5, 6}), vendor: int | None = None, *, cookie: str = "euconsent-v2"
) -> TcString:
    """Make a reader of a TC string, version 2.

    Args:
        purposes: The purposes that must all be consented to; legitimate interest does not count. The default: 1 store
            and access information, 5 create and 6 use profiles to personalise content.
        vendor: The number in the Global Vendor List of a vendor that must be consented to as well.
        cookie: The cookie in which the consent platform keeps the string.

    Returns:
        A reader: denied if a well-formed string lacks any of them, unknown if the string is malformed.

    Raises:
        ConfigError: An argument is wrong.
    """
    if isinstance(purposes, str) or not isinstance(purposes, Collection):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"tcf's purposes: is {purposes!r}; write a set of numbers such as {{1, 5, 6}}")
    return TcString(frozenset(purposes), vendor, cookie)


@lru_cache(maxsize=_CACHED)
def _read_core(core: str, purposes: frozenset[int], vendor: int | None) -> Consent:
    if not _CORE.fullmatch(core) or len(core) % 4 == 1:
        return Consent.UNKNOWN
    octets = urlsafe_b64decode(core + "=" * (-len(core) % 4))
    bits = f"{int.from_bytes(octets):0{8 * len(octets)}b}"
    # Checking four letters A to Z is cheap, and tells a TC string from other base64 that starts with a C.
    if int(bits[:6], 2) != 2 or any(int(bits[letter], 2) > 25 for letter in _LETTERS):
        return Consent.UNKNOWN
    consented = bits[_PURPOSES]
    if not all(consented[purpose - 1] == "1" for purpose in purposes):
        return Consent.DENIED
    if vendor is None:
        return Consent.GRANTED
    allowed = _find_vendor(bits, vendor)
    if allowed is None:
        return Consent.UNKNOWN
    return Consent.GRANTED if allowed else Consent.DENIED


def _find_vendor(bits: str, vendor: int) -> bool | None:
    """Tell whether the vendor is consented to; ``None`` if the string ends too early to say."""
    if len(bits) < _VENDORS:
        return None
    highest = int(bits[_MAX_VENDOR], 2)
    if bits[_IS_RANGE] == "1":
        return _find_in_ranges(bits, vendor)
    if len(bits) < _VENDORS + highest:
        return None
    return vendor <= highest and bits[_VENDORS + vendor - 1] == "1"


def _find_in_ranges(bits: str, vendor: int) -> bool | None:
    # The string bounds the loop, whatever the count says: an entry takes 17 bits or 33.
    count = bits[_VENDORS : _VENDORS + 12]
    if len(count) < 12:
        return None
    found, at = False, _VENDORS + 12
    for _ in range(int(count, 2)):
        end = at + (33 if bits[at : at + 1] == "1" else 17)
        if end > len(bits):
            return None
        first, last = int(bits[at + 1 : at + 17], 2), int(bits[end - 16 : end], 2)
        found = found or first <= vendor <= last
        at = end
    return found
