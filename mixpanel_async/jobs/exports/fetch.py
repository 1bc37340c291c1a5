"""Fetches ranges of days into outputs; a range whose reply was cut is fetched again from its start."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final, Protocol, TypeAlias

import msgspec

from mixpanel_async.clock import Clock
from mixpanel_async.errors import MixpanelError, RateLimitedError, TransportError
from mixpanel_async.jobs.exports.line_check import BadLine, EventBlock
from mixpanel_async.jobs.exports.outputs.files import OutputFile, WritableFile
from mixpanel_async.jobs.exports.outputs.writer import EventLines, OutputPlan, Written, write_events
from mixpanel_async.jobs.exports.progress import ArrivedEvents, ExportMeter
from mixpanel_async.jobs.exports.reader import OnBadLine, passed_on, report_bad_lines
from mixpanel_async.jobs.worker_thread import WorkerThread, made_on
from mixpanel_async.session import Session
from mixpanel_async.session.messages import OnWait, RateWait
from mixpanel_async.session.retry import backoff_seconds

# A 429 although this client keeps the limits: something else uses the project's budget. Pauses that are longer together
# than the window of an hour show that it is not going to end.
_MAX_REFUSALS: Final = 12
_FIRST_PAUSE_SECONDS: Final = 60.0
_MAX_PAUSE_SECONDS: Final = 600.0


class OpenBlocks(Protocol):
    """Requests a range of days."""

    def __call__(self, first: str, last: str, on_wait: OnWait, /) -> AsyncGenerator[EventBlock]:
        """Return its blocks."""


class Fetched(msgspec.Struct, frozen=True):
    """A range that arrived.

    Attributes:
        written: What was written.
        at: Unix time in seconds at which the request was sent.
        bad_lines: Lines that are not events.
    """

    written: Written
    at: float
    bad_lines: Sequence[BadLine] = ()


Commit: TypeAlias = Callable[[WorkerThread, OutputFile, Fetched], Awaitable[None]]


class Fetcher:
    """Fetches ranges of days into outputs.

    Args:
        session: Retries.
        clock: Gives the time, and the jitter between attempts.
        open_blocks: Requests a range.
        plan: How the events are written.
        meter: Counts the progress.
        on_bad_line: What to do with lines that are not events.
        max_retries: How often a range is requested again after a reply that was not complete.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        open_blocks: OpenBlocks,
        plan: OutputPlan,
        meter: ExportMeter,
        *,
        on_bad_line: OnBadLine,
        max_retries: int,
    ) -> None:
        self._session = session
        self._clock = clock
        self._open_blocks = open_blocks
        self._plan = plan
        self._meter = meter
        self._on_bad_line: OnBadLine = on_bad_line
        self._max_retries = max_retries

    async def to_output(
        self, thread: WorkerThread, first: str, last: str, open_file: Callable[[], OutputFile], commit: Commit
    ) -> Fetched:
        """Fetch a range into an output that appears when it is complete.

        Args:
            thread: Runs the blocking calls.
            first: First day.
            last: Last day.
            open_file: Begins the next content of the output.
            commit: Makes the content visible.

        Raises:
            MixpanelError: The range did not arrive in any attempt, or cannot be written.
        """
        waiter = object()
        try:
            async for attempt in self._session.retrying("export.events", partial(self._delay_after, waiter)):
                self._meter.note_wait(waiter, None)
                with attempt:
                    async with made_on(thread, open_file, lambda file: file.discard()) as file:
                        found = await self._fetch(thread, first, last, file)
                        # Only now: of an attempt that failed, the lines come again. And before the commit: a day whose
                        # lines could not be reported is not complete, and the next run must not skip it.
                        report_bad_lines(found.bad_lines, self._on_bad_line)
                        await commit(thread, file, found)
                    self._meter.note_file()
                    return found
        finally:
            self._meter.note_wait(waiter, None)
        raise AssertionError("the last attempt returns or raises")

    async def to_stream(self, thread: WorkerThread, first: str, last: str, file: WritableFile) -> Fetched:
        """Fetch a range once into an open file.

        Args:
            thread: Runs the blocking calls.
            first: First day.
            last: Last day.
            file: The file.

        Raises:
            MixpanelError: The range did not arrive as a whole, or cannot be written.
        """
        found = await self._fetch(thread, first, last, file)
        report_bad_lines(found.bad_lines, self._on_bad_line)
        return found

    async def _fetch(self, thread: WorkerThread, first: str, last: str, file: WritableFile) -> Fetched:
        sent_at = self._clock.time()
        arrived, waiter = ArrivedEvents(), object()

        def on_wait(wait: RateWait | None) -> None:
            nonlocal sent_at
            sent_at = self._clock.time()
            self._meter.note_wait(waiter, wait)

        def on_block(block: EventLines) -> None:
            arrived.add(block)
            self._meter.count(block)

        bad_lines: list[BadLine] = []
        lines = self._lines(self._open_blocks(first, last, on_wait), bad_lines)
        try:
            return Fetched(await write_events(thread, file, lines, self._plan, on_block), sent_at, bad_lines)
        except BaseException:
            self._meter.take_back(arrived)
            raise

    async def _lines(self, blocks: AsyncGenerator[EventBlock], bad_lines: list[BadLine]) -> AsyncGenerator[EventLines]:
        async with aclosing(blocks):
            async for block in blocks:
                bad_lines += block.bad_lines
                yield EventLines(passed_on(block, self._on_bad_line), block.events, block.rows)

    def _delay_after(self, waiter: object, error: MixpanelError, attempt: int) -> float | None:
        pause = pause_after(error, attempt, self._max_retries, self._clock)
        if pause is not None and isinstance(error, RateLimitedError):
            wait = RateWait("used by something else, Mixpanel answers 429", self._clock.time() + pause)
            self._meter.note_wait(waiter, wait)
        return pause


def pause_after(error: MixpanelError, attempt: int, max_retries: int, clock: Clock) -> float | None:
    """Return the seconds after which a range is requested again, or None if it is not.

    Args:
        error: What ended the request.
        attempt: How many requests there were.
        max_retries: How often it is requested again after a reply that was not complete.
        clock: Gives the jitter.
    """
    if isinstance(error, RateLimitedError) and attempt <= _MAX_REFUSALS:
        return max(min(_MAX_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * attempt), error.retry_after or 0.0)
    if isinstance(error, TransportError) and attempt <= max_retries:
        return backoff_seconds(attempt, clock.uniform)
    return None
