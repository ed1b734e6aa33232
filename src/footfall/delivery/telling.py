"""Tells a local tracker on this machine something, in debug: a datagram each, which nobody waits for."""

from __future__ import annotations

import socket
from collections.abc import Iterable

__all__ = ["tell"]


def tell(addresses: Iterable[tuple[str, int]], message: bytes) -> None:
    """Send *message* to each of some loopback addresses. Whoever is not there does not hear it."""
    for host, port in addresses:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sending:
                sending.settimeout(0)
                sending.sendto(message, (host, port))
        except OSError:
            continue
