"""How ids are written: which text is an id, and how a new one is made."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

__all__ = [
    "LONGEST_PERSON",
    "LONGEST_TOKEN",
    "decode_ruid",
    "encode_ruid",
    "format_guid",
    "parse_guid",
    "parse_token",
    "query_token",
]

# Any GUID, not only version 4: the vendor's own scripts write upper-case ones without version bits.
is_guid = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}").fullmatch
# No document sets a limit. This one keeps our cookies together below the 8,190 bytes that gunicorn takes in one line.
LONGEST_TOKEN = 512
# RFC 6265bis, section 4.1.1, cookie-octet: such a value needs no encoding and cannot break out of a header.
OCTETS = re.compile(rf"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{{1,{LONGEST_TOKEN}}}")
LONGEST_PERSON = 512  #: characters of a ruid in clear text; sealed, it stays below a cookie's 4,096 bytes


def parse_guid(text: str | None) -> str | None:
    """Return *text* as it stands if it is an 8-4-4-4-12 hexadecimal GUID in plain ASCII, else ``None``."""
    return text if text is not None and is_guid(text) else None


def parse_token(text: str | None) -> str | None:
    """Return *text* as it stands if it is 1 to 512 cookie-octets, as a ``reaid`` or ``xuid`` must be, else ``None``."""
    return text if text is not None and OCTETS.fullmatch(text) else None


def query_token(query: str, name: str) -> str | None:
    """Return the token that a query string carries under *name*.

    Two different values give ``None``, even if only one is a token: nobody can tell which the tracker meant.
    """
    if name + "=" not in query:
        return None
    values = {_decode(value) for field in query.split("&") for key, _, value in (field.partition("="),) if key == name}
    return parse_token(values.pop()) if len(values) == 1 else None


def _decode(value: str) -> str | None:
    if len(value) > 3 * LONGEST_TOKEN or not value.isascii():
        return None
    if "%" not in value and "+" not in value:
        return value
    # In a form a plus is a space, which is no cookie-octet: such a value is rejected, not repaired.
    return unquote_to_bytes(value.replace("+", " ")).decode("latin-1")


def format_guid(entropy: bytes) -> str:
    """Write 16 random bytes as a lower-case UUID of version 4 (RFC 9562, section 5.4)."""
    digits = entropy.hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def encode_ruid(person: str) -> str:
    """Write a person's id for the ``ruid`` parameter: the standard base64, with padding, of its UTF-8."""
    return base64.b64encode(person.encode()).decode("ascii")


def decode_ruid(text: str) -> str | None:
    """Read base64 as `encode_ruid` writes it; ``None`` if it is anything else."""
    try:
        person = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return person if 0 < len(person) <= LONGEST_PERSON else None
