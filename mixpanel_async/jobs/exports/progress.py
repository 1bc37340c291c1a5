"""Counts the progress of an export and reports it."""

import asyncio
import logging
from typing import Final

import msgspec

from mixpanel_async.clock import Clock
from mixpanel_async.jobs.exports.options import OnExportProgress
from mixpanel_async.jobs.exports.outputs.writer import EventLines
from mixpanel_async.jobs.exports.report import ExportProgress
from mixpanel_async.session.messages import RateWait

_log = logging.getLogger("mixpanel_async")
_REPORT_SECONDS: Final = 0.25


class ArrivedEvents(msgspec.Struct):
    """Events that arrived.

    Attributes:
        events: Number of them.
        line_bytes: Size of their lines.
    """

    events: int = 0
    line_bytes: int = 0

    def add(self, block: EventLines) -> None:
        """Count a block."""
        self.events += block.events
        self.line_bytes += len(block.lines)


class ExportMeter:
    """What an export has done so far.

    Args:
        clock: Tells the time.
        on_progress: The caller's function, or None.

    Attributes:
        total_files: Files to write.
        files: Files that are complete.
        skipped: Files that an earlier run had completed.
        waited_seconds: Time in which something waited for a rate limit.
    """

    def __init__(self, clock: Clock, on_progress: OnExportProgress | None) -> None:
        self._clock = clock
        self._on_progress = on_progress
        self._started = self._reported = clock.monotonic()
        self._waits: dict[object, RateWait] = {}
        self._wait_began = 0.0
        self._arrived = ArrivedEvents()
        self.total_files = 1
        self.files = self.skipped = 0
        self.waited_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._started

    def count(self, block: EventLines) -> None:
        """Count events that arrived."""
        self._arrived.add(block)
        if self._clock.monotonic() - self._reported >= _REPORT_SECONDS:
            self.report()

    def take_back(self, lost: ArrivedEvents) -> None:
        """Take back the events of an attempt that failed."""
        self._arrived.events -= lost.events
        self._arrived.line_bytes -= lost.line_bytes

    def note_wait(self, waiter: object, wait: RateWait | None) -> None:
        """Note that a wait for a rate limit begins, or is over (None).

        Args:
            waiter: Who waits; several may.
            wait: The wait.
        """
        now, was_waiting = self._clock.monotonic(), bool(self._waits)
        if wait is not None:
            self._waits[waiter] = wait
        else:
            self._waits.pop(waiter, None)
        if was_waiting and not self._waits:
            self.waited_seconds += now - self._wait_began
        elif self._waits and not was_waiting:
            self._wait_began = now
        if wait is not None:
            self.report()

    def note_file(self) -> None:
        """Note that a file is complete."""
        self.files += 1
        self.report()

    def report(self) -> None:
        """Report the progress."""
        self._reported = self._clock.monotonic()
        if self._on_progress is None:
            return
        longest = max(self._waits.values(), key=lambda wait: wait.until, default=None)
        try:
            self._on_progress(
                ExportProgress(
                    events=self._arrived.events,
                    line_bytes=self._arrived.line_bytes,
                    files=self.files,
                    total_files=self.total_files,
                    skipped=self.skipped,
                    seconds=self.seconds,
                    waits_for="" if longest is None else longest.limit,
                    waits_until=None if longest is None else longest.until,
                )
            )
        except (Exception, asyncio.CancelledError):
            _log.exception("on_progress raised an exception; the export continues")
