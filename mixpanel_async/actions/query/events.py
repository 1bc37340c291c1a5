"""Event counts and top events of the Query API."""

# ruff: noqa: A002 - `type` and `format` are Mixpanel's own names of these options

from collections.abc import Sequence
from typing import Literal, Unpack, overload

from mixpanel_async.actions._core.csv_reply import read_csv
from mixpanel_async.actions._core.params import Date, check_choice, check_range, text_list
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import ApiList, read_answer, read_list, read_off_loop
from mixpanel_async.actions._core.scope import Scope
from mixpanel_async.actions._core.tabular import keep_question
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
    """Event counts over time, and the most frequent events."""

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
        """Return totals, unique users or averages of events over time.

        Args:
            event: One event or several; also as the text of a JSON array.
            type: What to count: `"general"` all events, `"unique"` users, `"average"` events per user.
            unit: Size of a bucket; hourly unique users are not available.
            from_date: First day, inclusive: a date or `YYYY-MM-DD`. Excludes `interval`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`. Excludes `interval`.
            interval: Number of units to look back, including the current one; excludes the dates.
            format: `"csv"` returns the reply as CSV text.

        Raises:
            InvalidArgumentError: A date is invalid, or not exactly one of the dates and `interval` is given.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-recent-events

        Example:
            ```python
            counts = await mp.query.event_counts(["Signed Up", "Paid"], type="general", unit="day", interval=7)
            rows = counts.rows()  # (event, date, count)
            ```
        """
        check_choice("type", type, Type)
        check_choice("unit", unit, PeriodUnit)
        first, last = period(from_date, to_date, interval)
        request = query_request(
            "event_counts", "/events", scope, event=text_list("event", event), type=type, unit=unit, interval=interval,
            from_date=first, to_date=last, format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        if format == "csv":
            return await read_off_loop(read_csv, request, reply)
        return keep_question(
            await read_off_loop(read_answer, request, reply, Segmentation),
            unit=unit,
            is_additive=type in {None, "general"},
        )

    @overload
    async def todays_top_events(
        self,
        *,
        type: Type = "general",
        limit: int | None = None,
        format: Literal["json"] = "json",
        **scope: Unpack[Scope],
    ) -> TopEvents: ...

    @overload
    async def todays_top_events(
        self,
        *,
        type: Type = "general",
        limit: int | None = None,
        format: Literal["csv"],
        **scope: Unpack[Scope],
    ) -> str: ...

    async def todays_top_events(
        self,
        *,
        type: Type = "general",
        limit: int | None = None,
        format: ReplyFormat = "json",
        **scope: Unpack[Scope],
    ) -> TopEvents | str:
        """Return today's most frequent events and their change since yesterday.

        Args:
            type: What to count: `"general"` all events, `"unique"` users, `"average"` events per user
                (default: `"general"`).
            limit: Maximum number of events (default: 100).
            format: `"csv"` returns the reply as CSV text.

        Raises:
            ApiError: Mixpanel refused the request.
            InvalidArgumentError: `limit` is outside 1-10,000.

        Reference: https://developer.mixpanel.com/reference/query-top-events

        Example:
            ```python
            top = await mp.query.todays_top_events(type="general", limit=10)
            ```
        """
        check_choice("type", type, Type)
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "todays_top_events", "/events/top", scope, type=type, limit=limit, format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        if format == "csv":
            return await read_off_loop(read_csv, request, reply)
        return await read_off_loop(read_answer, request, reply, TopEvents)

    @overload
    async def top_events(
        self,
        *,
        type: Type = "general",
        limit: int | None = None,
        format: Literal["json"] = "json",
        **scope: Unpack[Scope],
    ) -> ApiList[str]: ...

    @overload
    async def top_events(
        self,
        *,
        type: Type = "general",
        limit: int | None = None,
        format: Literal["csv"],
        **scope: Unpack[Scope],
    ) -> str: ...

    async def top_events(
        self,
        *,
        type: Type = "general",
        limit: int | None = None,
        format: ReplyFormat = "json",
        **scope: Unpack[Scope],
    ) -> ApiList[str] | str:
        """Return the names of the most frequent events of the last 31 days.

        Args:
            type: What to count: `"general"` all events, `"unique"` users, `"average"` events per user
                (default: `"general"`).
            limit: Maximum number of names (default: 255).
            format: `"csv"` returns the reply as CSV text.

        Raises:
            ApiError: Mixpanel refused the request.
            InvalidArgumentError: `limit` is outside 1-10,000.

        Reference: https://developer.mixpanel.com/reference/query-months-top-event-names

        Example:
            ```python
            names = await mp.query.top_events(type="unique")
            ```
        """
        check_choice("type", type, Type)
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "top_events", "/events/names", scope, type=type, limit=limit, format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        if format == "csv":
            return await read_off_loop(read_csv, request, reply)
        return await read_off_loop(read_list, request, reply, str)
