"""Exports of events: an export is complete or raises."""

import asyncio
import datetime as dt
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final, TypedDict, Unpack

import msgspec

from mixpanel_async.actions._core.params import Date, Id, date_range
from mixpanel_async.actions._core.reply_checks import check_status
from mixpanel_async.actions.raw_export import RawExport
from mixpanel_async.clock import Clock
from mixpanel_async.errors import InvalidArgumentError, MixpanelError, TransportError, TruncatedReplyError
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.jobs.atomic_write import naming, write_stream
from mixpanel_async.jobs.exports.line_check import LineCutter, count_events, read_event
from mixpanel_async.jobs.exports.profiles import ProfileExport
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Session
from mixpanel_async.session.messages import StreamReply
from mixpanel_async.session.retry import backoff_seconds
from mixpanel_async.session.streaming import decompressed_stream
from mixpanel_async.time_slice import TimeSlice

_DAY: Final = dt.timedelta(days=1)
_WRITE_BYTES: Final = 1024 * 1024
_TIMEOUT_SECONDS: Final = 3600.0
_SLASHES: Final = ("/", os.sep)


class ExportOptions(TypedDict, total=False):
    """Options of an export of events; all are optional.

    Attributes:
        event: Name or names of the only events to export, also as the text of a JSON array; empty: all.
        where: Segmentation expression to filter by; empty: none.
        limit: Maximum number of events per request, at most 100,000.
        time_in_ms: Return `time` in milliseconds instead of seconds.
        is_gzip: Whether the reply may be compressed (default: True); it is decompressed in any case.
        timeout_seconds: Timeout of each reply (default: one hour).
        project_id: Project ID (default: the client's).
    """

    event: str | Sequence[str] | None
    where: AnyExpression | None
    limit: int | None
    time_in_ms: bool | None
    is_gzip: bool
    timeout_seconds: float
    project_id: Id | None


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of an export of events.

    Attributes:
        events: Number of events written.
        written_bytes: Size of their JSON lines.
        files: Files that were written, in the order of the days.
        skipped: Files that an earlier run had completed.
        duration_seconds: Duration of the export.
    """

    events: int
    written_bytes: int
    files: Sequence[str]
    skipped: Sequence[str] = ()
    duration_seconds: float


class Export(ProfileExport):
    """Exports raw events as Mixpanel stores them, in no particular order and with duplicates, and profiles.

    Args:
        session: Sends the requests.
        clock: Gives the jitter between attempts.
        max_retries: How often a file is requested again after a truncated reply, or a page after a 429.
    """

    def __init__(self, session: Session, clock: Clock, max_retries: int) -> None:
        super().__init__(session, clock, max_retries)
        self._raw = RawExport(session)

    async def events(
        self, from_date: Date, to_date: Date, **options: Unpack[ExportOptions]
    ) -> AsyncGenerator[dict[str, JSONValue]]:
        """Yield events as they arrive; the loop ends without an error only if the export is complete.

        Args:
            from_date: First day, inclusive: in UTC, or in the project's time zone for projects created before 2023.
            to_date: Last day, inclusive.
            **options: See `ExportOptions`: event, where, limit, time_in_ms, is_gzip, timeout_seconds,
                project_id.

        Raises:
            TruncatedReplyError: The export ended early; the events so far are not all. It is not retried, because
                events have no order and would be yielded twice.
            ApiError: Mixpanel refused the request.
            TransportError: The reply did not start, or the connection broke.
            InvalidArgumentError: A date is invalid, or `limit` is out of range.

        Example:
            ```python
            async for event in mp.export.events("2026-01-01", "2026-01-31", event="Signed Up"):
                print(event["properties"]["distinct_id"])
            ```

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        async with aclosing(self.blocks(from_date, to_date, **options)) as blocks:
            time_slice = TimeSlice()
            async for block in blocks:
                for line in block.splitlines():
                    yield read_event(line)
                    # A loop over lines that are there never waits, and other tasks would not run meanwhile.
                    if time_slice.is_over:
                        await time_slice.next()

    async def blocks(self, from_date: Date, to_date: Date, **options: Unpack[ExportOptions]) -> AsyncGenerator[bytes]:
        """Yield events as blocks of whole JSON lines, unchanged.

        The lines are not parsed. `events` and `to_file` parse them, and so detect an export that Mixpanel aborted with
        a line of plain text.

        Args:
            from_date: First day, inclusive.
            to_date: Last day, inclusive.
            **options: See `ExportOptions`.

        Raises:
            The same as `events`.

        Reference: https://developer.mixpanel.com/reference/raw-event-export

        Example:
            ```python
            async for block in mp.export.blocks("2026-08-01", "2026-08-31"):
                print(len(block))
            ```
        """
        unknown = options.keys() - ExportOptions.__annotations__
        if unknown:
            raise InvalidArgumentError(f"export: unknown option {', '.join(sorted(unknown))}; see ExportOptions")
        options.setdefault("timeout_seconds", _TIMEOUT_SECONDS)
        request = self._raw.request(from_date, to_date, **options)
        cutter = LineCutter()
        async with self._raw.stream(request) as reply:
            check_status(request, reply.status)
            _check_framing(reply)
            parts: list[bytes] = []
            held = 0
            async for part in decompressed_stream(reply):
                parts.append(part)
                held += len(part)
                if held >= _WRITE_BYTES:
                    block = cutter.take(parts)
                    parts, held = [], 0
                    if block:
                        yield block
            block = cutter.take(parts)
            if block:
                yield block
        cutter.end()

    async def to_file(
        self, path: str | os.PathLike[str], from_date: Date, to_date: Date, **options: Unpack[ExportOptions]
    ) -> ExportReport:
        """Write events to one file of JSON lines, or to one file per day.

        A file appears under its name only when it is complete. A truncated reply is requested again from its start.

        Args:
            path: A file; or a directory, which gets a file `2026-01-31.ndjson` per day. A path that ends in a slash is
                a directory and is created if it is missing. Days whose file exists are skipped, so that the same call
                resumes an export that ended early.
            from_date: First day, inclusive: in UTC, or in the project's time zone for projects created before 2023.
            to_date: Last day, inclusive.
            **options: See `ExportOptions`: event, where, limit, time_in_ms, is_gzip, timeout_seconds,
                project_id.

        Raises:
            TruncatedReplyError: The export ended early in every attempt.
            OutputError: A file cannot be written.
            ApiError: Mixpanel refused the request.
            TransportError: The reply did not start, or the connection broke, in every attempt.
            InvalidArgumentError: A date is invalid, or `limit` is out of range.

        Example:
            ```python
            report = await mp.export.to_file("events/", "2026-01-01", "2026-01-31")
            ```

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        started = time.monotonic()
        events = written = 0
        files: list[str] = []
        skipped: list[str] = []
        for target, first, last, exists in await asyncio.to_thread(_targets, os.fspath(path), from_date, to_date):
            if exists:
                skipped.append(str(target))
                continue
            lines, size = await self._file(target, first, last, options)
            events += lines
            written += size
            files.append(str(target))
        return ExportReport(
            events=events,
            written_bytes=written,
            files=files,
            skipped=skipped,
            duration_seconds=time.monotonic() - started,
        )

    async def _file(self, target: Path, first: str, last: str, options: ExportOptions) -> tuple[int, int]:
        """Write one file; return the numbers of its lines and bytes."""
        async for attempt in self._session.retrying("export.events", self._delay_after_truncation):
            with attempt:
                return await write_stream(target, self.blocks(first, last, **options), count_events)
        raise AssertionError("the last attempt returns or raises")

    def _delay_after_truncation(self, error: MixpanelError, attempt: int) -> float | None:
        if attempt > self._max_retries or not isinstance(error, TransportError):
            return None
        return backoff_seconds(attempt, self._clock.uniform)


def _check_framing(reply: StreamReply) -> None:
    """Check that a truncated reply can be detected.

    Raises:
        TruncatedReplyError: The reply has neither a length nor chunks nor a gzip trailer.
    """
    if not reply.is_framed and reply.headers.get("content-encoding", "").lower() != "gzip":
        raise TruncatedReplyError("the export's reply has neither a length nor chunks nor gzip, so its end is unknown")


def _targets(path: str, from_date: Date, to_date: Date) -> Sequence[tuple[Path, str, str, bool]]:
    """Return the files to write, each with its first and last day and whether it is a day that exists. Blocks."""
    first, last = date_range(from_date, to_date)
    target = Path(path)
    if path.endswith(_SLASHES):
        with naming(path):
            target.mkdir(parents=True, exist_ok=True)
    elif not target.is_dir():
        return [(target, first, last, False)]
    day, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    days = [day + _DAY * number for number in range((end - day).days + 1)]
    files = [(target / f"{day}.ndjson", day.isoformat()) for day in days]
    return [(file, day, day, file.exists()) for file, day in files]
