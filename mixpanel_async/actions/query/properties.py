"""Properties of events, of the Query API."""

# ruff: noqa: A002 - `type` and `format` are Mixpanel's own names of these options

from collections.abc import Sequence
from typing import Literal, Unpack, overload

from mixpanel_async.actions._core.csv_reply import read_csv
from mixpanel_async.actions._core.params import Date, check_choice, check_range, one_text, text_list
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import (
    ApiList,
    keep_body,
    read_answer,
    read_keyed,
    read_list,
    read_off_loop,
)
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
from mixpanel_async.actions.query.lists import PropertyCount, TopProperties
from mixpanel_async.actions.query.models import Segmentation


class PropertyReports(Resource):
    """Values of event properties over time, and the most frequent properties and values."""

    @overload
    async def property_counts(
        self,
        event: str,
        name: str,
        *,
        type: Type,
        unit: PeriodUnit,
        values: Sequence[str] | None = None,
        from_date: Date | None = None,
        to_date: Date | None = None,
        interval: int | None = None,
        limit: int | None = None,
        format: Literal["json"] = "json",
        **scope: Unpack[Scope],
    ) -> Segmentation: ...

    @overload
    async def property_counts(
        self,
        event: str,
        name: str,
        *,
        type: Type,
        unit: PeriodUnit,
        values: Sequence[str] | None = None,
        from_date: Date | None = None,
        to_date: Date | None = None,
        interval: int | None = None,
        limit: int | None = None,
        format: Literal["csv"],
        **scope: Unpack[Scope],
    ) -> str: ...

    async def property_counts(
        self,
        event: str,
        name: str,
        *,
        type: Type,
        unit: PeriodUnit,
        values: Sequence[str] | None = None,
        from_date: Date | None = None,
        to_date: Date | None = None,
        interval: int | None = None,
        limit: int | None = None,
        format: ReplyFormat = "json",
        **scope: Unpack[Scope],
    ) -> Segmentation | str:
        """Return totals, unique users or averages of an event over time, for each value of a property.

        Args:
            event: Name of the event.
            name: Name of the property.
            type: What to count: `"general"` all events, `"unique"` users, `"average"` events per user.
            unit: Size of a bucket; hourly unique users are not available.
            values: Only these values.
            from_date: First day, inclusive: a date or `YYYY-MM-DD`. Excludes `interval`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`. Excludes `interval`.
            interval: Number of units to look back, including the current one; excludes the dates.
            limit: Maximum number of values (default: 255).
            format: `"csv"` returns the reply as CSV text.

        Raises:
            InvalidArgumentError: A date is invalid, or not exactly one of the dates and `interval` is given.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/query-event-properties

        Example:
            ```python
            counts = await mp.query.property_counts("Signed Up", "plan", type="unique", unit="week", interval=4)
            ```
        """
        check_choice("type", type, Type)
        check_choice("unit", unit, PeriodUnit)
        first, last = period(from_date, to_date, interval)
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "property_counts", "/events/properties", scope,
            event=one_text("event", event), name=one_text("name", name),
            values=text_list("values", values), type=type, unit=unit,
            interval=interval, from_date=first, to_date=last, format=as_format(format), limit=limit,
        )  # fmt: skip
        reply = await self._session.send(request)
        if format == "csv":
            return await read_off_loop(read_csv, request, reply)
        return keep_question(
            await read_off_loop(read_answer, request, reply, Segmentation),
            unit=unit,
            is_additive=type in {None, "general"},
        )

    property_values = property_counts  # the name in other integrations

    @overload
    async def top_properties(
        self,
        event: str,
        *,
        limit: int | None = None,
        format: Literal["json"] = "json",
        **scope: Unpack[Scope],
    ) -> TopProperties: ...

    @overload
    async def top_properties(
        self,
        event: str,
        *,
        limit: int | None = None,
        format: Literal["csv"],
        **scope: Unpack[Scope],
    ) -> str: ...

    async def top_properties(
        self,
        event: str,
        *,
        limit: int | None = None,
        format: ReplyFormat = "json",
        **scope: Unpack[Scope],
    ) -> TopProperties | str:
        """Return the most frequent properties of an event.

        Args:
            event: Name of the event.
            limit: Maximum number of properties (default: 10).
            format: `"csv"` returns the reply as CSV text.

        Raises:
            ApiError: Mixpanel refused the request.
            InvalidArgumentError: `limit` is outside 1-10,000.

        Reference: https://developer.mixpanel.com/reference/query-events-top-properties

        Example:
            ```python
            top = await mp.query.top_properties("Signed Up")
            counts = top.counts  # events by property
            ```
        """
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "top_properties", "/events/properties/top", scope,
            event=one_text("event", event), limit=limit, format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        if format == "csv":
            return await read_off_loop(read_csv, request, reply)
        found = await read_off_loop(read_keyed, request, reply, PropertyCount, are_keys_names=True)
        return keep_body(TopProperties({name: one.count for name, one in found.items()}), reply.body)

    @overload
    async def top_property_values(
        self,
        event: str,
        name: str,
        *,
        limit: int | None = None,
        format: Literal["json"] = "json",
        **scope: Unpack[Scope],
    ) -> ApiList[str]: ...

    @overload
    async def top_property_values(
        self,
        event: str,
        name: str,
        *,
        limit: int | None = None,
        format: Literal["csv"],
        **scope: Unpack[Scope],
    ) -> str: ...

    async def top_property_values(
        self,
        event: str,
        name: str,
        *,
        limit: int | None = None,
        format: ReplyFormat = "json",
        **scope: Unpack[Scope],
    ) -> ApiList[str] | str:
        """Return the most frequent values of an event's property, as text.

        Args:
            event: Name of the event.
            name: Name of the property.
            limit: Maximum number of values (default: 255).
            format: `"csv"` returns the reply as CSV text.

        Raises:
            ApiError: Mixpanel refused the request.
            InvalidArgumentError: `limit` is outside 1-10,000.

        Reference: https://developer.mixpanel.com/reference/query-events-top-property-values

        Example:
            ```python
            plans = await mp.query.top_property_values("Signed Up", "plan", limit=20)
            ```
        """
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "top_property_values", "/events/properties/values", scope,
            event=one_text("event", event), name=one_text("name", name), limit=limit,
            format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        if format == "csv":
            return await read_off_loop(read_csv, request, reply)
        return await read_off_loop(read_list, request, reply, str)
