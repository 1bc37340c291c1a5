"""Requests ranges of days and reads their events, for exports and for the jobs that compare or copy them."""

import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final, cast

import msgspec

from mixpanel_async.actions._core.params import Date
from mixpanel_async.actions.raw_export import RawExport
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.line_check import DecodeRows, EventBlock, LineJudge
from mixpanel_async.jobs.exports.options import ExportOptions
from mixpanel_async.jobs.exports.reader import check_on_bad_line, check_speed, whole_lines
from mixpanel_async.session import Session
from mixpanel_async.session.messages import OnWait

_IDLE_TIMEOUT_SECONDS: Final = 300.0
_MIN_BYTES_PER_SECOND: Final = 100.0


class EventReader:
    """Reads the events of ranges of days.

    Args:
        session: Sends the requests.

    Attributes:
        raw: Makes the requests.
    """

    def __init__(self, session: Session) -> None:
        self.raw = RawExport(session)

    async def blocks(
        self,
        from_date: Date,
        to_date: Date,
        options: ExportOptions,
        on_wait: OnWait | None = None,
        decode: DecodeRows | None = None,
    ) -> AsyncGenerator[EventBlock]:
        """Yield checked blocks of lines, with the lines that are not events apart; they end only if all are there.

        Args:
            from_date: First day, inclusive.
            to_date: Last day, inclusive.
            options: Options of the request. Bad lines raise if `on_bad_line` says so; they are not reported otherwise.
            on_wait: Called at the beginning and end of a wait for a rate limit; with it, the request is a job's and
                waits as long as it takes.
            decode: Decodes a block of events, as `LineJudge` does.

        Raises:
            The same as `whole_lines`, and as `LineJudge`.
        """
        judge = LineJudge(raises=options.get("on_bad_line", "raise") == "raise", decode=decode)
        async with aclosing(self.whole_lines(from_date, to_date, options, on_wait)) as blocks:
            async for block in blocks:
                yield judge.check(block)
        if bad := judge.end():
            yield EventBlock(b"", 0, bad)

    def whole_lines(
        self, from_date: Date, to_date: Date, options: ExportOptions, on_wait: OnWait | None = None
    ) -> AsyncGenerator[bytes]:
        """Return the lines in blocks of some 128 KiB; they are not checked.

        Raises:
            InvalidArgumentError: An option is unknown or invalid.
            TruncatedReplyError: The reply ended in the middle of a line, or its end could not have been noticed.
            RequestTimeoutError: It did not go on, or arrived too slowly.
            ApiError: Mixpanel refused the request, or the reply is not an export.
            TransportError: The connection broke.
        """
        unknown = options.keys() - ExportOptions.__annotations__
        if unknown:
            raise InvalidArgumentError(f"export: unknown option {', '.join(sorted(unknown))}; see ExportOptions")
        wanted = cast("dict[str, Any]", {**options})
        check_on_bad_line(wanted.pop("on_bad_line", "raise"))
        speed = check_speed(wanted.pop("min_bytes_per_second", _MIN_BYTES_PER_SECOND))
        wanted.setdefault("idle_timeout_seconds", _IDLE_TIMEOUT_SECONDS)
        request = self.raw.request(from_date, to_date, **wanted)
        if on_wait is not None:  # a job's: it waits for its rate limits as long as it takes
            request = msgspec.structs.replace(request, max_wait_seconds=math.inf, is_bulk=True, on_wait=on_wait)
        return whole_lines(self.raw, request, speed)
