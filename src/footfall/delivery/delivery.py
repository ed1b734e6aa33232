"""Delivery: what a site hands its wire requests to, and need not think of again."""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Literal

from footfall.delivery.addresses import is_postgres
from footfall.delivery.counting import count_spool, count_unmoved, tally
from footfall.delivery.forking import watch_forks
from footfall.delivery.journal.codec import UNKNOWN, Kind, encode_aside, encode_request, encode_visitor, kind_of
from footfall.delivery.journal.folder import leave_presences
from footfall.delivery.journal.outbox import TOO_LARGE, UNWRITABLE
from footfall.delivery.native import (
    RAISE_FILES,
    Thread,
    is_out_of_files,
    is_subinterpreter,
    native,
    wait_for_threads,
    why_unattended,
)
from footfall.delivery.notices import Notices
from footfall.delivery.process import Process
from footfall.delivery.settings import Settings, check_settings
from footfall.delivery.spool.refusals import Refusals
from footfall.delivery.stats import Stats
from footfall.errors import DeliveryError, EventError, SpoolError
from footfall.wire import WireRequest

__all__ = ["Delivery"]

_AT_EXIT = 2.0  # seconds that the end of a process may take for what is still to be sent
_CLOSING = 0.7  # of the time to close: for what is still to be sent
_COUNTING = 15.0  # seconds that counting and opening may take: longer than SQLite waits for another process
_LEAST = 0.05  # seconds that a count is waited for, whatever was given
_LOOK = 0.01  # seconds between two counts while somebody waits
_FORK_WAIT = 2.0  # seconds that a fork may take until the spool is at rest
_PAUSE = 1.0  # seconds until a journal is tried again that could not be opened


class Delivery:
    """Takes wire requests without waiting, keeps them over a crash, and sends each until its verdict is final.

    Making one opens nothing, so it may be made before a server forks its workers. The first request of a process
    opens that process's journal and starts its two threads: one moves records from the journal into the spool, the
    other delivers from there. Processes that name the same spool share the work, and take over what a dead one left.

    What can be lost: nothing when a process dies, in whatever way. When the power fails, ``durable="process"``
    may lose what was accepted in the last fraction of a second, until it is in the spool, and may repeat what
    was delivered since the last sync; ``durable="power"`` loses nothing, at the price of a sync of the disk in each
    `accept`. When the disk is all but full (16 MiB and what the spool needs to take over are left), nothing more is
    accepted (and counted as refused, ``full``), what was accepted stays, and delivering makes room.
    ``spool="memory:"`` keeps no promise: what is pending at the end of the process is lost.
    Delivery is at least once: what was under way when a process was killed is sent again, unless its request
    says `WhenUnanswered.SET_ASIDE`.
    """

    def __init__(
        self,
        spool: str = "sqlite:///footfall.sqlite3",
        *,
        engine: str | None = None,
        deliver_here: bool = True,
        durable: Literal["process", "power"] = "process",
        max_pending_bytes: int | None = None,
        retry_for: timedelta = timedelta(days=1),
        timeout: timedelta = timedelta(seconds=10),
        concurrency: int = 64,
        on_drop: Callable[[str, str, int], None] | None = None,
        proxy: str | None = None,
        engine_durable: bool = False,
    ) -> None:
        """Check the settings, and open nothing.

        Args:
            spool: ``"sqlite:///relative.sqlite3"``, ``"sqlite:////absolute.sqlite3"`` or ``"memory:"``. The file,
                and the journals in the folder ``<file>.outbox`` beside it, hold what visitors did: only their
                owner may read them. A local disk, never a network share.
            engine: Where many machines meet: ``"postgresql://..."``, or ``"redis://..."``, ``"rediss://..."`` or
                ``"unix://..."`` for Valkey or Redis. This process then forwards to it what it spools, and keeps that
                while the engine is away; workers (``footfall deliver --engine``) send. None: this process sends.
            deliver_here: False: this process only spools; ``footfall deliver`` sends, or forwards to the engine.
            durable: What an accepted request survives: the death of the ``"process"``, or of the ``"power"`` too.
            max_pending_bytes: Bound on what waits, to within a second's worth; 1 GiB in a file, 32 MiB in memory.
                What comes when it is reached is refused, never what waits already.
            retry_for: How long after its acceptance a request is tried again; then it is set aside as failed.
            timeout: For one request, from the name's resolution to the answer's end.
            concurrency: How many requests one tracker is sent at a time, by one process. What hangs while others are
                answered makes room for more: three times as many at most.
            on_drop: Told of requests that could not be accepted: tracker, reason, how many. Called at most once a
                second, by a thread of delivery.
            proxy: The URL of the company's proxy, ``"http://proxy.example:3128"``, that all requests go through, in a
                tunnel (CONNECT); ``"environment"``: which ``HTTPS_PROXY`` and ``NO_PROXY`` name. None: none at all,
                whatever the environment says.
            engine_durable: True: the site's word that the engine loses nothing it has confirmed, where the engine
                itself cannot tell: a hosted one with a durable log of its own, say.

        Raises:
            ConfigError: A value is wrong. Names the field, what was found, and what to write instead.
        """
        self._settings = check_settings(
            spool=spool,
            engine=engine,
            deliver_here=deliver_here,
            durable=durable,
            max_pending_bytes=max_pending_bytes,
            retry_for=retry_for,
            timeout=timeout,
            concurrency=concurrency,
            on_drop=on_drop,
            proxy=proxy,
            engine_durable=engine_durable,
        )
        self._notices = Notices()
        self._refusals = Refusals()
        self._starting = native("_thread", "RLock")()  # a signal handler may emit while its own thread starts
        self._process: Process | None = None
        self._closed = False
        self._try_again_at = 0.0
        self._forbidden: str | None = None
        self._held: Process | None = None
        self._hooked = False
        self._owed: deque[str] = deque()  # visitors still to be erased
        watch_forks(self._before_fork, self._after_fork, self._after_fork_in_child)

    @property
    def settings(self) -> Settings:
        """What this delivery was told, for whoever has to check or to repeat it."""
        return self._settings

    def accept(self, requests: Sequence[WireRequest]) -> bool:
        """Take requests over, all or none. They are durable when this returns true. It waits for nothing.

        Returns:
            False when they could not be taken: no room, or no way to write. They are counted as refused then.

        Raises:
            DeliveryError: This delivery was closed.
        """
        if not requests:
            return True
        refusal = self._append([self._written(request) for request in requests])
        if refusal is None:
            return True
        if refusal == TOO_LARGE:  # no tracker would take that either; those beside it are not to suffer
            if len(requests) > 1:
                taken = [self.accept([request]) for request in requests]
                return all(taken)
            self.set_aside(requests[0].tracker, requests[0].kind, requests[0].visitor, TOO_LARGE)
            return True
        for request in requests:
            self._refusals.add(_tracker(request), refusal, 1, dropped=True)
        return False

    def accept_within(self, requests: Sequence[WireRequest], connection: object) -> str | None:
        """Write requests by the application's own connection to the engine: committed or gone with what it writes.

        It is the one thing here that waits for the network, as long as the connection lets it. Nothing is counted
        before the commit; the requests fall due two seconds after it.

        Args:
            requests: That report one event.
            connection: psycopg's, Django's, SQLAlchemy's, in a transaction. One that commits each statement by itself
                has none to be within: they are accepted as ever then.

        Returns:
            None when they are written; else why not, and the transaction is as it was.

        Raises:
            EventError: It is no such connection; or this delivery has no PostgreSQL engine.
        """
        if self._settings.engine is None or not is_postgres(self._settings.engine):
            raise EventError(
                "within: is given, and the site has no PostgreSQL engine; write "
                'Delivery(engine="postgresql://..."), or '
                "emit once the order is committed (footfall.django.emit_on_commit)"
            )
        from footfall.delivery.engines.within import NoTransaction, NotWritten, write_within

        try:
            write_within(connection, requests, time.time())
        except NotWritten as outcome:
            return str(outcome)
        except NoTransaction:
            self._notices.warn_once(
                "autocommit",
                "within: is a connection that is in no transaction (autocommit), so that an event goes even if what "
                "follows fails; emit inside the order's transaction: atomic(), session.begin()",
            )
            self.accept(requests)
        return None

    def set_aside(self, tracker: str, kind: str, visitor: str, reason: str) -> None:
        """Record an event that could not become a request: accepted and failed at once.

        Args:
            tracker: The tracker's name.
            kind: The event's kind.
            visitor: Whose; ``""``: nobody's.
            reason: Why. Is shown to people, and never holds a visitor's value.

        Raises:
            DeliveryError: This delivery was closed.
        """
        tracker = _text(tracker) or UNKNOWN
        refusal = self._append([(Kind.ASIDE, encode_aside(tracker, _text(kind), _text(visitor), _text(reason)))])
        if refusal is not None:
            self._refusals.add(tracker, refusal, 1, dropped=True)

    def refuse(self, tracker: str, reason: str, count: int = 1) -> None:
        """Count what was never accepted: ``"consent"``, say. Never waits, never raises."""
        self._refusals.add(_text(tracker) or UNKNOWN, _text(reason), count)

    def erase(self, visitor: str) -> None:
        """Drop whatever of this visitor is not delivered yet, failed requests included. Never waits.

        What is under way at this moment may still arrive.

        Raises:
            DeliveryError: This delivery was closed.
        """
        visitor = _text(visitor)
        if not visitor:
            return
        if self._append([(Kind.ERASE, encode_visitor(visitor))], always=True) is not None:
            self._owed.append(visitor)
            self._notices.say(
                logging.ERROR, "a visitor is not erased yet: the journal cannot be written; it is tried again"
            )
        elif self._process is not None:
            self._process.mover.signal.set()  # what is not sent yet is not to be

    def flush(self, timeout: float = 5.0) -> int:
        """Wait at most *timeout* seconds until nothing is pending.

        Returns:
            How many requests still are, those of other processes on the same spool included. With
            ``deliver_here=False`` it only waits until all are in the spool.
        """
        return self._wait(timeout, give_up=False)

    def close(self, timeout: float = 5.0) -> int:
        """Flush, stop, and take nothing more. Requests for a tracker that is down are not waited for.

        Returns:
            How many requests are still pending. They are sent by the next process, unless they are in memory.
        """
        self._closed = True
        process = self._present()
        if process is None:
            return self._pending_of_others(timeout)
        deadline = time.monotonic() + timeout
        self._wait(timeout * _CLOSING, give_up=True)
        process.stop(max(deadline - time.monotonic(), 0.0), for_good=True)
        self._process = None
        return self._last_pending(process)

    def stats(self) -> Stats:
        """Count what was accepted and what became of it, over all processes that share the spool.

        Raises:
            SpoolError: The spool cannot be read. Says why, and what to do.
        """
        process = self._present()
        if process is not None:
            return process.stats(_COUNTING)
        path = self._settings.path
        if path is None:
            return tally(None, lambda _: (), self._refusals.peek)
        return count_spool(path, self._settings.folder, self._refusals.peek())

    def warm_up(self) -> None:
        """Open what the first event would open, and take over what earlier processes left.

        Call it when a worker process starts, after it was forked: no page then waits for a file.

        Raises:
            SpoolError: The spool cannot be used. Says why, and what to do.
            DeliveryError: This delivery was closed.
        """
        try:
            self.attend().outbox.prepare(first=True)
        except OSError as error:
            raise SpoolError(_cannot_write(self._settings.folder, error)) from error

    def rouse(self) -> None:
        """Deliver what is left of earlier processes, if there is anything: by a thread of its own. Never waits."""
        if self._settings.path is None or self._forbidden is not None or why_unattended() is not None:
            return
        with suppress(RuntimeError):  # the interpreter is on its way out, or out of threads
            Thread("footfall-rouse", self._take_over).start()

    def _take_over(self) -> None:
        path = self._settings.path
        if self._process is not None or path is None or not (path.exists() or self._settings.folder.exists()):
            return  # there is nothing to take over, and no file to be made for that
        try:
            self.attend()
        except DeliveryError:
            return
        except SpoolError as error:
            self._notices.say(logging.ERROR, f"what earlier processes left is not delivered: {error}")

    def attend(self) -> Process:
        """Start the threads, without a journal for events of this process; for a process that has none.

        Raises:
            SpoolError: The spool cannot be used. Says why, and what to do.
            DeliveryError: This delivery was closed.
        """
        try:
            process = self._present() or self._start()
        except OSError as error:
            raise SpoolError(_cannot_write(self._settings.folder, error)) from error
        process.ask(process.spool.open, _COUNTING)
        return process

    def _written(self, request: WireRequest) -> tuple[int, bytes]:
        try:
            payload = encode_request(request)
        except ValueError as error:  # nobody could read it back: it fails by itself, and stops nothing
            reason = f"cannot be written: {error}"
            tracker, kind = _tracker(request), _text(getattr(request, "kind", ""))
            self._notices.say(logging.ERROR, f"a request is set aside: {reason}", tracker=tracker, event=kind)
            return Kind.ASIDE, encode_aside(tracker, kind, _text(getattr(request, "visitor", "")), reason)
        return kind_of(request), payload

    def _append(self, records: Sequence[tuple[int, bytes]], *, always: bool = False) -> str | None:
        process = self._process
        if process is not None and process.lacks_threads:
            process.start()
        if process is None or process.pid != os.getpid():
            if time.monotonic() < self._try_again_at:
                return UNWRITABLE
            try:
                process = self._start()
            except OSError as error:
                self._notices.say(logging.ERROR, _cannot_write(self._settings.folder, error))
                self._try_again_at = time.monotonic() + _PAUSE
                return UNWRITABLE
        return process.outbox.append(records, always=always)

    def _pay(self) -> None:
        process = self._process
        while self._owed and process is not None:
            if process.outbox.append([(Kind.ERASE, encode_visitor(self._owed[0]))], always=True) is not None:
                return
            self._owed.popleft()

    def _start(self) -> Process:
        self._present()
        with self._starting:
            if self._closed:
                raise DeliveryError(
                    "this delivery was closed: emit before close(), or make a new Delivery; "
                    "a site is closed last, when the server has stopped taking requests"
                )
            if not self._hooked:
                atexit.register(self._at_exit)
                self._hooked = True
            if self._process is None:
                process = Process(
                    self._settings,
                    self._refusals,
                    self._notices,
                    unattended=self._forbidden or why_unattended(),
                    forbidden=self._forbidden,
                    on_tend=self._pay,
                )
                self._process = process
                process.start()
            return self._process

    def _present(self) -> Process | None:
        """What this process has open; what it inherited is left behind, if no hook has seen to that."""
        if self._process is not None and self._process.pid != os.getpid():
            self._after_fork_in_child()
        return self._process

    def _before_fork(self) -> None:
        self._held = self._present()
        if self._held is not None:
            self._held.hold_still(_FORK_WAIT)

    def _after_fork(self) -> None:
        if self._held is not None:
            self._held.go_on()

    def _after_fork_in_child(self) -> None:
        self._starting = native("_thread", "RLock")()
        self._refusals = Refusals()  # what the parent counted, the parent stores
        process, self._process = self._process, None
        if process is not None:
            process.leave_behind()
            if process.spool.is_open:
                self._forbidden = "it was forked while its parent had it open"
        leave_presences()

    def _at_exit(self) -> None:
        # This does not close: what another exit hook emits later lands in the journal, for the next process.
        process = self._present()
        if process is None or self._closed:
            return
        self._wait(_AT_EXIT, give_up=True)
        process.stop(_AT_EXIT / 4, for_good=False)
        if is_subinterpreter():
            wait_for_threads(_AT_EXIT)

    def _wait(self, timeout: float, *, give_up: bool) -> int:
        process = self._present()
        if process is None:
            return self._pending_of_others(timeout)
        deadline = time.monotonic() + timeout
        while True:
            left = max(deadline - time.monotonic(), _LEAST)
            try:
                pending = process.pending(left)
            except (SpoolError, OSError) as error:
                self._notices.say(logging.ERROR, f"nothing can be counted: {error}")
            else:
                moved = not self._settings.deliver_here and not pending.unmoved
                if not pending.total or moved or (give_up and process.is_stuck(pending)):
                    return pending.total
            if time.monotonic() >= deadline:
                return self._last_pending(process)
            process.work(_LOOK)

    def _last_pending(self, process: Process) -> int:
        try:
            return process.last_pending().total
        except (SpoolError, OSError):
            return 0  # as has just been said

    def _pending_of_others(self, timeout: float) -> int:
        path = self._settings.path
        if path is None:
            return 0
        try:
            return count_spool(path, self._settings.folder, patience=timeout).pending
        except SpoolError as error:
            self._notices.say(logging.ERROR, f"nothing can be counted: {error}")
        try:
            return count_unmoved(self._settings.folder)
        except SpoolError:
            return 0  # as has just been said


def _text(value: object) -> str:
    """Keep a text that can be stored, whatever a tracker of the site's own gave."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _tracker(request: WireRequest) -> str:
    return _text(getattr(request, "tracker", "")) or UNKNOWN


def _cannot_write(folder: Path, error: OSError) -> str:
    what = "give this process write access to the spool's folder, or name another one"
    return (
        f"journal folder {folder} cannot be written ({error.strerror}): "
        f"{RAISE_FILES if is_out_of_files(error) else what}"
    )
