"""The export job: complete, or it raises."""

import datetime as dt
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final, TypedDict, Unpack

import msgspec

from mixpanel_async.actions._core.params import Date, Id, date_range
from mixpanel_async.actions.raw_export import RawExport
from mixpanel_async.clock import Clock
from mixpanel_async.errors import TransportError, TruncatedReplyError
from mixpanel_async.jobs.atomic_write import write_stream
from mixpanel_async.jobs.exports.line_check import LineCutter, count_events, read_event
from mixpanel_async.jobs.exports.profiles import ProfileExport
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Session
from mixpanel_async.session.messages import StreamReply
from mixpanel_async.session.retry import backoff_seconds
from mixpanel_async.session.streaming import decompressed_stream

_DAY: Final = dt.timedelta(days=1)
_WRITE_BYTES: Final = 1024 * 1024
_TIMEOUT_SECONDS: Final = 3600.0


class ExportOptions(TypedDict, total=False):
    """What of the events is exported; every option may be left out.

    Attributes:
        event: Only this event or these events.
        where: Segmentation expression to filter by.
        limit: Most events in a request, at most 100,000.
        time_in_ms: Give `time` in milliseconds in place of seconds.
        timeout_seconds: For each reply; an hour unless given.
        project_id: Project; the client's unless given.
    """

    event: str | Sequence[str] | None
    where: str | None
    limit: int | None
    time_in_ms: bool | None
    timeout_seconds: float
    project_id: Id | None


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an export wrote.

    Attributes:
        events: Events in all.
        written_bytes: Their JSON lines.
        files: What was written, in the order of the days.
        skipped: Files that an earlier run had completed.
        duration_seconds: How long it took.
    """

    events: int
    written_bytes: int
    files: Sequence[str]
    skipped: Sequence[str] = ()
    duration_seconds: float


class Export(ProfileExport):
    """Raw events, as Mixpanel stored them: never deduplicated, in no order; and profiles.

    Args:
        session: Sends the requests.
        clock: Waits between tries.
        max_retries: How often a file is asked for again after its reply broke off, or a page after it was turned away.
    """

    def __init__(self, session: Session, clock: Clock, max_retries: int) -> None:
        super().__init__(session, clock, max_retries)
        self._raw = RawExport(session)

    async def events(
        self, from_date: Date, to_date: Date, **options: Unpack[ExportOptions]
    ) -> AsyncGenerator[dict[str, JSONValue]]:
        """Yield events while they arrive; the end is reached only if the export was complete.

        Args:
            from_date: First day, inclusive: UTC, or the project's zone if it was made before 2023.
            to_date: Last day, inclusive.
            **options: See `ExportOptions`: event, where, limit, time_in_ms, timeout_seconds, project_id.

        Raises:
            TruncatedReplyError: The export ended early, in whichever way; what was yielded is not the whole. It is not
                asked for again behind your back: events have no order, so they would come twice.
            ApiError: Mixpanel refused.
            TransportError: The reply did not begin, or broke.
            InvalidSettingError: A date is none, or `limit` is out of range.

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        async with aclosing(self.blocks(from_date, to_date, **options)) as blocks:
            async for block in blocks:
                for line in block.splitlines():
                    yield read_event(line)

    async def blocks(self, from_date: Date, to_date: Date, **options: Unpack[ExportOptions]) -> AsyncGenerator[bytes]:
        """Yield events as the JSON lines that they came as, many at a time; whole lines only.

        The lines are not looked at: `events` and `to_file` do that, and so find an export that was given up with a line
        of words.

        Args:
            from_date: First day, inclusive.
            to_date: Last day, inclusive.
            **options: See `ExportOptions`.

        Raises:
            The same as `events`.

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        options.setdefault("timeout_seconds", _TIMEOUT_SECONDS)
        request = self._raw.request(from_date, to_date, **options)
        cutter = LineCutter()
        async with self._raw.stream(request) as reply:
            _check_framing(reply)
            parts: list[bytes] = []
            held = 0
            async for piece in decompressed_stream(reply):
                parts.append(piece)
                held += len(piece)
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
        """Write the events of some days to one file of JSON lines, or to a file for each day.

        A file appears under its name only when it is complete; until then it is called like it with `.partial` behind.
        A reply that breaks off is asked for again, from its beginning.

        Args:
            path: The file; or a directory that exists, which gets a file `2026-01-31.ndjson` for each day. Days whose
                file is there already are skipped, so that an export that was ended goes on where it was.
            from_date: First day, inclusive: UTC, or the project's zone if it was made before 2023.
            to_date: Last day, inclusive.
            **options: See `ExportOptions`: event, where, limit, time_in_ms, timeout_seconds, project_id.

        Raises:
            TruncatedReplyError: The export ended early again and again.
            OutputError: A file cannot be written.
            ApiError: Mixpanel refused.
            TransportError: The reply did not begin, or broke, again and again.
            InvalidSettingError: A date is none, or `limit` is out of range.

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        started = time.monotonic()
        events = written = 0
        files: list[str] = []
        skipped: list[str] = []
        for target, first, last in _targets(Path(path), from_date, to_date):
            if target.exists() and target.parent == Path(path):
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
        """Write one file, asking again where the reply breaks off; return its lines and bytes."""
        attempt = 1
        while True:
            try:
                return await write_stream(target, self.blocks(first, last, **options), count_events)
            except TransportError:
                if attempt > self._max_retries:
                    raise
            await self._clock.sleep(backoff_seconds(attempt, self._clock.uniform))
            attempt += 1


def _check_framing(reply: StreamReply) -> None:
    if not reply.is_framed and reply.headers.get("content-encoding", "").lower() != "gzip":
        raise TruncatedReplyError(
            "the export's end cannot be told: neither its length nor chunks nor gzip say where it is"
        )


def _targets(path: Path, from_date: Date, to_date: Date) -> Sequence[tuple[Path, str, str]]:
    """Return what to write: each file with its first and last day."""
    first, last = date_range(from_date, to_date)
    if not path.is_dir():
        return [(path, first, last)]
    day, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    days = [day + _DAY * number for number in range((end - day).days + 1)]
    return [(path / f"{one}.ndjson", one.isoformat(), one.isoformat()) for one in days]
