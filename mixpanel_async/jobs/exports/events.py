"""Exports of events: an export is complete or raises."""

import asyncio
import datetime as dt
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack, cast

import msgspec

from mixpanel_async.actions._core.params import Date, Id, date_range
from mixpanel_async.actions.raw_export import RawExport
from mixpanel_async.clock import Clock
from mixpanel_async.codecs.lines import count_lines
from mixpanel_async.errors import InvalidArgumentError, MixpanelError, TransportError
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.jobs.atomic_write import naming, write_stream
from mixpanel_async.jobs.exports.line_check import EventBlock, LineJudge
from mixpanel_async.jobs.exports.profiles import ProfileExport
from mixpanel_async.jobs.exports.reader import OnBadLine, check_on_bad_line, passed_on, report_bad_lines, whole_lines
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Session
from mixpanel_async.session.retry import backoff_seconds
from mixpanel_async.time_slice import TimeSlice

_DAY: Final = dt.timedelta(days=1)
_IDLE_TIMEOUT_SECONDS: Final = 300.0
_MIN_BYTES_PER_SECOND: Final = 100.0
_SLASHES: Final = ("/", os.sep)


class ExportOptions(TypedDict, total=False):
    """Options of an export of events; all are optional.

    Attributes:
        event: Name or names of the only events to export, also as the text of a JSON array; empty: all.
        where: Segmentation expression to filter by; empty: none.
        limit: Maximum number of events per request, at most 100,000.
        time_in_ms: Return `time` in milliseconds instead of seconds.
        is_gzip: Whether the reply may be compressed (default: True); it is decompressed in any case.
        on_bad_line: What to do with a line in the middle of an export that is not an event, such as one with NaN:
            `"raise"` (the default) raises UnreadableEventError; `"keep"` passes it on to outputs of lines; a function
            is called with each `BadLine`, and the line is left out. Text in place of the last line is a truncated
            export in any case.
        idle_timeout_seconds: Longest wait for the next bytes of a reply (default: 300). A reply may take as long as it
            arrives, and a slow consumer does not count.
        min_bytes_per_second: Least speed of a reply on average over a minute of waiting for it (default: 100); 0: none.
        timeout_seconds: Timeout of each whole reply (default: none).
        project_id: Project ID (default: the client's).
    """

    event: str | Sequence[str] | None
    where: AnyExpression | None
    limit: int | None
    time_in_ms: bool | None
    is_gzip: bool
    on_bad_line: OnBadLine
    idle_timeout_seconds: float
    min_bytes_per_second: float
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

        Integers keep all their digits. A number that no float can hold, such as 1e400, is a `decimal.Decimal`.

        Args:
            from_date: First day, inclusive: in UTC, or in the project's time zone for projects created before 2023.
            to_date: Last day, inclusive.
            **options: See `ExportOptions`: event, where, limit, time_in_ms, is_gzip, on_bad_line, idle_timeout_seconds,
                min_bytes_per_second, timeout_seconds, project_id. With `on_bad_line="keep"`, bad lines are left out.

        Raises:
            TruncatedReplyError: The export ended early; the events so far are not all. It is not retried, because
                events have no order and would be yielded twice.
            UnreadableEventError: A line in the middle is not an event, and `on_bad_line` is `"raise"`.
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
        on_bad_line = options.get("on_bad_line", "raise")
        judge = LineJudge(raises=on_bad_line == "raise")
        async with aclosing(self._whole_lines(from_date, to_date, options)) as blocks:
            time_slice = TimeSlice()
            async for block in blocks:
                for events in judge.events(block):
                    for event in events:
                        yield event
                    # A loop over lines that are there never waits, and other tasks would not run meanwhile.
                    if time_slice.is_over:
                        await time_slice.next()
                report_bad_lines(judge.bad_lines(), on_bad_line)
        report_bad_lines(judge.end(), on_bad_line)

    async def raw(self, from_date: Date, to_date: Date, **options: Unpack[ExportOptions]) -> AsyncGenerator[bytes]:
        """Yield the line of each event without its line end, byte for byte as Mixpanel sent it.

        Args:
            from_date: First day, inclusive.
            to_date: Last day, inclusive.
            **options: See `ExportOptions`. With `on_bad_line="keep"`, lines that are not events are yielded as well.

        Raises:
            The same as `events`.

        Reference: https://developer.mixpanel.com/reference/raw-event-export

        Example:
            ```python
            async for line in mp.export.raw("2026-08-01", "2026-08-31"):
                print(line.decode())
            ```
        """
        async with aclosing(self.blocks(from_date, to_date, **options)) as blocks:
            time_slice = TimeSlice()
            async for block in blocks:
                for line in block.removesuffix(b"\n").split(b"\n"):
                    yield line
                    if time_slice.is_over:
                        await time_slice.next()

    async def blocks(self, from_date: Date, to_date: Date, **options: Unpack[ExportOptions]) -> AsyncGenerator[bytes]:
        """Yield events as blocks of whole JSON lines, each line checked and unchanged.

        Args:
            from_date: First day, inclusive.
            to_date: Last day, inclusive.
            **options: See `ExportOptions`. With `on_bad_line="keep"`, lines that are not events are in the blocks too.

        Raises:
            The same as `events`.

        Reference: https://developer.mixpanel.com/reference/raw-event-export

        Example:
            ```python
            async for block in mp.export.blocks("2026-08-01", "2026-08-31"):
                print(len(block))
            ```
        """
        on_bad_line = options.get("on_bad_line", "raise")
        async with aclosing(self.event_blocks(from_date, to_date, options)) as blocks:
            async for block in blocks:
                if lines := passed_on(block, on_bad_line):
                    yield lines

    async def event_blocks(self, from_date: Date, to_date: Date, options: ExportOptions) -> AsyncGenerator[EventBlock]:
        """Yield checked blocks of lines, with the lines that are not events apart; they end only if all are there.

        Args:
            from_date: First day, inclusive.
            to_date: Last day, inclusive.
            options: See `ExportOptions`. Bad lines raise if `on_bad_line` says so; they are not reported otherwise.

        Raises:
            The same as `events`.

        Reference: https://developer.mixpanel.com/reference/raw-event-export

        Example:
            ```python
            async for block in mp.export.event_blocks("2026-08-01", "2026-08-31", {"on_bad_line": "keep"}):
                print(block.events, len(block.bad_lines))
            ```
        """
        judge = LineJudge(raises=options.get("on_bad_line", "raise") == "raise")
        async with aclosing(self._whole_lines(from_date, to_date, options)) as blocks:
            async for block in blocks:
                yield judge.check(block)
        if bad := judge.end():
            yield EventBlock(b"", 0, bad)

    def _whole_lines(self, from_date: Date, to_date: Date, options: ExportOptions) -> AsyncGenerator[bytes]:
        unknown = options.keys() - ExportOptions.__annotations__
        if unknown:
            raise InvalidArgumentError(f"export: unknown option {', '.join(sorted(unknown))}; see ExportOptions")
        wanted = cast("dict[str, Any]", {**options})
        check_on_bad_line(wanted.pop("on_bad_line", "raise"))
        speed = wanted.pop("min_bytes_per_second", _MIN_BYTES_PER_SECOND)
        wanted.setdefault("idle_timeout_seconds", _IDLE_TIMEOUT_SECONDS)
        return whole_lines(self._raw, self._raw.request(from_date, to_date, **wanted), speed)

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
                return await write_stream(target, self.blocks(first, last, **options), count_lines)
        raise AssertionError("the last attempt returns or raises")

    def _delay_after_truncation(self, error: MixpanelError, attempt: int) -> float | None:
        if attempt > self._max_retries or not isinstance(error, TransportError):
            return None
        return backoff_seconds(attempt, self._clock.uniform)


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
