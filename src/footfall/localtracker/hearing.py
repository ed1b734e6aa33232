"""Receives what applications in debug mode on this machine tell of their responses, as datagrams to our port."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time

from footfall.localtracker.store import Store
from footfall.localtracker.traces import LONGEST, parse_message

__all__ = ["Hearing"]

logger = logging.getLogger("footfall.localtracker")


class Hearing:
    """Listens in a thread until closed. If the port is taken it only logs that, for traces can also be pasted."""

    def __init__(self, store: Store, host: str, port: int) -> None:
        """Listen on the host and port of the HTTP server, which applications know from the trackers' ``base_url``."""
        self._store = store
        self._closed = False
        self._thread: threading.Thread | None = None
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            logger.warning("applications cannot tell of their responses: UDP port %d: %s", port, error)
            return
        self._socket.settimeout(0.5)
        self._thread = threading.Thread(target=self._listen, name="footfall local tracker's hearing", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._closed:
            try:
                message = self._socket.recv(LONGEST + 1)
            except TimeoutError:
                continue
            except OSError:  # a datagram that is too long, or the socket is closed
                if self._closed:
                    return
                continue
            read = parse_message(message)
            if read is not None:
                self._store.add_trace(time.time(), *read)

    def close(self) -> None:
        """Stop listening, within half a second. Closing twice is harmless."""
        self._closed = True
        if self._thread is not None:
            with contextlib.suppress(OSError):  # an empty datagram wakes the thread; if lost, it wakes by itself
                self._socket.sendto(b"", self._socket.getsockname())
            self._thread.join(2.0)
        self._socket.close()
