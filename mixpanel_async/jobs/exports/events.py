"""Exports of events: an export is complete or raises."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, Unpack

from mixpanel_async.actions._core.params import Date
from mixpanel_async.jobs.exports.lake import LakeExport
from mixpanel_async.jobs.exports.line_check import EventBlock, LineJudge
from mixpanel_async.jobs.exports.options import ExportOptions
from mixpanel_async.jobs.exports.reader import passed_on, report_bad_lines
from mixpanel_async.json_types import JSONValue
from mixpanel_async.time_slice import TimeSlice

_IDLE_TIMEOUT_SECONDS: Final = 300.0
_MIN_BYTES_PER_SECOND: Final = 100.0


class Export(LakeExport):
    """Exports raw events as Mixpanel stores them, in no particular order and with duplicates, and profiles.

    Args:
        session: Sends the requests.
        clock: Gives the time, and the jitter between attempts.
        max_retries: How often a file is requested again after a truncated reply, or a page after a 429.
    """

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
        async with aclosing(self._reader.whole_lines(from_date, to_date, options)) as blocks:
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
                report_bad_lines(block.bad_lines, on_bad_line)
                if lines := passed_on(block, on_bad_line):
                    yield lines

    def event_blocks(self, from_date: Date, to_date: Date, options: ExportOptions) -> AsyncGenerator[EventBlock]:
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
        return self._reader.blocks(from_date, to_date, options)
