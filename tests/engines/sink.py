"""A tracker on loopback that counts what it has answered: by threads of its own, in this process."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import suppress

__all__ = ["Sink"]


class Sink:
    """Answers 204, after a while if told to; keeps the order of what came, and how often."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.latency = 0.0
        self.status = 204
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024), self._loop
        ).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def counted(self) -> Counter[str]:
        return Counter(self.targets)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.targets.append(head.split(b" ", 2)[1].decode())
                if self.latency:
                    await asyncio.sleep(self.latency)
                writer.write(f"HTTP/1.1 {self.status} Whatever\r\n\r\n".encode())
                await writer.drain()
        self._writers.discard(writer)
        writer.transport.abort()

    def end(self) -> None:
        async def end() -> None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                for task in others:
                    task.cancel()
                await asyncio.wait(others, timeout=0.01)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
