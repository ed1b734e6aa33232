"""Sealed text, which only this site can read or write: the ruid cookie, and snapshots."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from footfall.errors import missing_or_broken

__all__ = ["Opened", "Sealer"]

VERSION = "1."
KEY_ID_BYTES = 4
NONCE_BYTES = 12
LONGEST_SEALED = 32_768  # characters worth opening: a snapshot of the longest ids in the widest letters


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """What was sealed."""

    text: str
    newest: bool  #: whether the newest key sealed it


class Sealer:
    """Seals with AES-256-GCM (NIST SP 800-38D), bound to a cookie's name and the scope it lives in.

    The newest key seals, every key of the ring opens. A seal that is copied into another cookie or to another site does
    not open. 2^32 seals with one key are safe; renewing the key yearly is enough for a site of any size.
    """

    def __init__(self, keys: Sequence[str | bytes], entropy: Callable[[int], bytes]) -> None:
        """Make a key ring.

        Args:
            keys: Newest first. A text and its UTF-8 bytes are the same key, as in Django and Flask.
            entropy: Returns as many random bytes as it is asked for.

        Raises:
            MissingExtra: The package ``cryptography`` is not installed.
            BrokenExtra: It is, and cannot be imported.
        """
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except Exception as error:
            raise missing_or_broken("a sealed cookie", "seal", "cryptography", error) from error
        self._invalid = InvalidTag
        self._entropy = entropy
        self._ring: dict[bytes, AESGCM] = {}
        for key in keys:
            secret = hashlib.sha256(b"footfall seal\0" + _to_bytes(key)).digest()
            self._ring.setdefault(hashlib.sha256(secret).digest()[:KEY_ID_BYTES], AESGCM(secret))
        self._newest = next(iter(self._ring))
        # Base64 has six bits a letter: of the sixth, four are the nonce's.
        encoded = {base64.urlsafe_b64encode(self._newest + bytes((first, 0)))[:6] for first in range(256)}
        self._newest_starts = tuple(VERSION + start.decode("ascii") for start in encoded)

    def seal(self, text: str, name: str, scope: str) -> str:
        """Seal *text* for the cookie *name* of *scope*. ASCII, cookie-octets only: base64url without padding."""
        nonce = self._entropy(NONCE_BYTES)
        sealed = self._ring[self._newest].encrypt(nonce, text.encode(), _binding(name, scope))
        return VERSION + base64.urlsafe_b64encode(self._newest + nonce + sealed).rstrip(b"=").decode("ascii")

    def is_newest(self, sealed: str) -> bool:
        """Tell whether *sealed* names the newest key, which does not prove that this key sealed it."""
        return sealed.startswith(self._newest_starts)

    def open(self, sealed: str, name: str, scope: str) -> Opened | None:
        """Open what `seal` made; ``None`` for anything else, without saying why."""
        if not sealed.startswith(VERSION) or len(sealed) > LONGEST_SEALED or not sealed.isascii():
            return None
        body = sealed[len(VERSION) :]
        try:
            raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        key_id, nonce, cipher = (
            raw[:KEY_ID_BYTES],
            raw[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES],
            raw[KEY_ID_BYTES + NONCE_BYTES :],
        )
        key = self._ring.get(key_id)
        if key is None or len(nonce) != NONCE_BYTES:
            return None
        try:
            return Opened(key.decrypt(nonce, cipher, _binding(name, scope)).decode(), key_id == self._newest)
        except (self._invalid, ValueError):
            return None


def _binding(name: str, scope: str) -> bytes:
    return f"{name}\0{scope}".encode("utf-8", "surrogatepass")


def _to_bytes(key: str | bytes) -> bytes:
    return key if isinstance(key, bytes) else key.encode("utf-8", "surrogatepass")
