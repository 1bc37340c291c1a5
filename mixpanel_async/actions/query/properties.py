"""Properties of events, of the Query API."""

# ruff: noqa: A002 - `type` and `format` are Mixpanel's own names of these options

from collections.abc import Sequence
from typing import Literal, Unpack, overload

from mixpanel_async.actions._core.params import Date, check_range, json_list
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import ApiList, keep_body, read_answer, read_json, read_list, read_text
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
from mixpanel_async.actions.query.lists import PropertyCount, TopProperties
from mixpanel_async.actions.query.models import Segmentation


class PropertyReports(Resource):
    """Values of an event's properties over time, and which are the most frequent."""

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
        """Return totals, uniques or averages of one event over time, by the values of one property.

        Args:
            event: Name of the event.
            name: Name of the property.
            type: What is counted.
            unit: Size of a bucket; Mixpanel has no uniques by the hour.
            values: Only these values.
            from_date: First day, inclusive; excludes `interval`.
            to_date: Last day, inclusive; excludes `interval`.
            interval: Units to look back on, 1 is the current one; excludes the dates.
            limit: Most values to return; 255 unless given.
            format: `"csv"` gives the reply as CSV text.

        Raises:
            InvalidArgumentError: A date is none, or neither or both of the dates and `interval` are given.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/query-event-properties
        """
        first, last = period(from_date, to_date, interval)
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "property_counts", "/events/properties", scope, event=event, name=name, values=json_list(values), type=type,
            unit=unit, interval=interval, from_date=first, to_date=last, format=as_format(format), limit=limit,
        )  # fmt: skip
        reply = await self._session.send(request)
        return read_text(reply) if format == "csv" else read_answer(request, reply, Segmentation)

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
            limit: Most properties to return; 10 unless given.
            format: `"csv"` gives the reply as CSV text.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/query-events-top-properties
        """
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "top_properties", "/events/properties/top", scope, event=event, limit=limit, format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        if format == "csv":
            return read_text(reply)
        found = read_json(request, reply, dict[str, PropertyCount])
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
            limit: Most values to return; 255 unless given.
            format: `"csv"` gives the reply as CSV text.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/query-events-top-property-values
        """
        check_range("limit", limit, 1, MAX_SEGMENTS)
        request = query_request(
            "top_property_values", "/events/properties/values", scope, event=event, name=name, limit=limit,
            format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        return read_text(reply) if format == "csv" else read_list(request, reply, str)
