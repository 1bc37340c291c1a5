"""Event counts and top events of the Query API."""

# ruff: noqa: A002 - `type` and `format` are Mixpanel's own names of these options

from collections.abc import Sequence
from typing import Literal, Unpack, overload

from mixpanel_async.actions._core.params import Date, check_range, json_list
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import ApiList, read_answer, read_list, read_text
from mixpanel_async.actions._core.scope import Scope
from mixpanel_async.actions.query._requests import (
    MAX_SEGMENTS,
    PeriodUnit,
    ReplyFormat,
    Type,
    as_format,
    period,
    query_request,
)
from mixpanel_async.actions.query.lists import TopEvents
from mixpanel_async.actions.query.models import Segmentation


class EventReports(Resource):
    """Counts of events over time, and which are the most frequent."""

    @overload
    async def event_counts(
        self,
        event: str | Sequence[str],
        *,
        type: Type,
        unit: PeriodUnit,
        from_date: Date | None = None,
        to_date: Date | None = None,
        interval: int | None = None,
        format: Literal["json"] = "json",
        **scope: Unpack[Scope],
    ) -> Segmentation: ...

    @overload
    async def event_counts(
        self,
        event: str | Sequence[str],
        *,
        type: Type,
        unit: PeriodUnit,
        from_date: Date | None = None,
        to_date: Date | None = None,
        interval: int | None = None,
        format: Literal["csv"],
        **scope: Unpack[Scope],
    ) -> str: ...

    async def event_counts(
        self,
        event: str | Sequence[str],
        *,
        type: Type,
        unit: PeriodUnit,
        from_date: Date | None = None,
        to_date: Date | None = None,
        interval: int | None = None,
        format: ReplyFormat = "json",
        **scope: Unpack[Scope],
    ) -> Segmentation | str:
        """Return totals, uniques or averages of some events over time.

        Args:
            event: One event or several.
            type: What is counted.
            unit: Size of a bucket; Mixpanel has no uniques by the hour.
            from_date: First day, inclusive; excludes `interval`.
            to_date: Last day, inclusive; excludes `interval`.
            interval: Units to look back on, 1 is the current one; excludes the dates.
            format: `"csv"` gives the reply as CSV text.

        Raises:
            InvalidArgumentError: A date is none, or neither or both of the dates and `interval` are given.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-recent-events
        """
        first, last = period(from_date, to_date, interval)
        request = query_request(
            "event_counts", "/events", scope, event=json_list(event), type=type, unit=unit, interval=interval,
            from_date=first, to_date=last, format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        return read_text(reply) if format == "csv" else read_answer(request, reply, Segmentation)

    @overload
    async def todays_top_events(
        self,
        *,
        type: Type,
        limit: int | None = None,
        format: Literal["json"] = "json",
        **scope: Unpack[Scope],
    ) -> TopEvents: ...

    @overload
    async def todays_top_events(
        self,
        *,
        type: Type,
        limit: int | None = None,
        format: Literal["csv"],
        **scope: Unpack[Scope],
    ) -> str: ...

    async def todays_top_events(
        self,
        *,
        type: Type,
        limit: int | None = None,
        format: ReplyFormat = "json",
        **scope: Unpack[Scope],
    ) -> TopEvents | str:
        """Return today's most frequent events, with their change against yesterday.

        Args:
            type: What is counted.
            limit: Most events to return; 100 unless given.
            format: `"csv"` gives the reply as CSV text.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/query-top-events
        """
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "todays_top_events", "/events/top", scope, type=type, limit=limit, format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        return read_text(reply) if format == "csv" else read_answer(request, reply, TopEvents)

    @overload
    async def top_events(
        self,
        *,
        type: Type,
        limit: int | None = None,
        format: Literal["json"] = "json",
        **scope: Unpack[Scope],
    ) -> ApiList[str]: ...

    @overload
    async def top_events(
        self,
        *,
        type: Type,
        limit: int | None = None,
        format: Literal["csv"],
        **scope: Unpack[Scope],
    ) -> str: ...

    async def top_events(
        self,
        *,
        type: Type,
        limit: int | None = None,
        format: ReplyFormat = "json",
        **scope: Unpack[Scope],
    ) -> ApiList[str] | str:
        """Return the names of the most frequent events of the last 31 days.

        Args:
            type: What is counted.
            limit: Most names to return; 255 unless given.
            format: `"csv"` gives the reply as CSV text.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/query-months-top-event-names
        """
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "top_events", "/events/names", scope, type=type, limit=limit, format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        return read_text(reply) if format == "csv" else read_list(request, reply, str)
