"""Segmentation reports of the Query API."""

# ruff: noqa: A002 - `type` and `format` are Mixpanel's own names of these options

from typing import Literal, TypeAlias, Unpack, overload

from mixpanel_async.actions._core.csv_reply import read_csv
from mixpanel_async.actions._core.params import Date, check_choice, check_exclusive, date_range, one_text
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import read_answer, read_off_loop
from mixpanel_async.actions._core.scope import Scope
from mixpanel_async.actions._core.tabular import keep_question
from mixpanel_async.actions.query._requests import ReplyFormat, Type, as_format, check_limit, query_request
from mixpanel_async.actions.query.models import DailyValues, Segmentation
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.expressions import AnyExpression

SegmentationUnit: TypeAlias = Literal["minute", "hour", "day", "month"]
BucketUnit: TypeAlias = Literal["hour", "day"]


class SegmentationReports(Resource):
    """Counts, distributions, sums and averages of one event."""

    @overload
    async def segmentation(
        self,
        event: str,
        from_date: Date,
        to_date: Date,
        *,
        on: AnyExpression | None = None,
        unit: SegmentationUnit | None = None,
        interval: int | None = None,
        where: AnyExpression | None = None,
        limit: int | None = None,
        type: Type | None = None,
        format: Literal["json"] = "json",
        **scope: Unpack[Scope],
    ) -> Segmentation: ...

    @overload
    async def segmentation(
        self,
        event: str,
        from_date: Date,
        to_date: Date,
        *,
        on: AnyExpression | None = None,
        unit: SegmentationUnit | None = None,
        interval: int | None = None,
        where: AnyExpression | None = None,
        limit: int | None = None,
        type: Type | None = None,
        format: Literal["csv"],
        **scope: Unpack[Scope],
    ) -> str: ...

    async def segmentation(
        self,
        event: str,
        from_date: Date,
        to_date: Date,
        *,
        on: AnyExpression | None = None,
        unit: SegmentationUnit | None = None,
        interval: int | None = None,
        where: AnyExpression | None = None,
        limit: int | None = None,
        type: Type | None = None,
        format: ReplyFormat = "json",
        **scope: Unpack[Scope],
    ) -> Segmentation | str:
        """Return counts of one event over time, segmented and filtered by properties.

        Args:
            event: Name of the event.
            from_date: First day, inclusive: a date or `YYYY-MM-DD`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`.
            on: Expression to segment by.
            unit: Size of a bucket (default: day); excludes `interval`.
            interval: Days in a bucket; excludes `unit`, and needs `type` to be `"unique"` or `"average"`.
            where: Expression to filter by.
            limit: Maximum number of segments, up to 10,000 (default: 60); does nothing without `on`.
            type: What to count: `"general"` all events, `"unique"` users, `"average"` events per user (default:
                `"general"`).
            format: `"csv"` returns the reply as CSV text.

        Raises:
            InvalidArgumentError: A date is invalid, or the options conflict.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/segmentation-query

        Example:
            ```python
            result = await mp.query.segmentation(
                "Signed Up", "2026-08-01", "2026-08-31", on='properties["plan"]', unit="month"
            )
            rows = result.rows()  # (segment, date, count)
            ```
        """
        first, last = date_range(from_date, to_date)
        check_choice("type", type, Type)
        check_choice("unit", unit, SegmentationUnit)
        check_exclusive(unit=unit, interval=interval)
        if interval is not None and type in {None, "general"}:
            raise InvalidArgumentError(
                'interval is invalid: it needs type "unique" or "average"; with type "general" give unit'
            )
        check_limit(limit)
        request = query_request(
            "segmentation", "/segmentation", scope,
            event=one_text("event", event), from_date=first, to_date=last, on=on, unit=unit,
            interval=interval, where=where, limit=limit, type=type, format=as_format(format),
        )  # fmt: skip
        reply = await self._session.send(request)
        if format == "csv":
            return await read_off_loop(read_csv, request, reply)
        return keep_question(
            await read_off_loop(read_answer, request, reply, Segmentation),
            unit=unit,
            is_additive=type in {None, "general"},
        )

    async def segmentation_numeric(
        self,
        event: str,
        from_date: Date,
        to_date: Date,
        on: AnyExpression,
        *,
        unit: BucketUnit | None = None,
        where: AnyExpression | None = None,
        type: Type | None = None,
        **scope: Unpack[Scope],
    ) -> Segmentation:
        """Return counts of one event over time, for ranges of a numeric expression.

        Args:
            event: Name of the event.
            from_date: First day, inclusive: a date or `YYYY-MM-DD`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`.
            on: Numeric expression.
            unit: Size of a bucket (default: day).
            where: Expression to filter by.
            type: What to count: `"general"` all events, `"unique"` users, `"average"` events per user (default:
                `"general"`).

        Raises:
            InvalidArgumentError: A date is invalid.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/segmentation-numeric-query

        Example:
            ```python
            amount = 'number(properties["amount"])'
            result = await mp.query.segmentation_numeric("Paid", "2026-08-01", "2026-08-31", amount)
            ```
        """
        first, last = date_range(from_date, to_date)
        check_choice("unit", unit, BucketUnit)
        check_choice("type", type, Type)
        request = query_request(
            "segmentation_numeric", "/segmentation/numeric", scope,
            event=one_text("event", event), from_date=first, to_date=last, on=on,
            unit=unit, where=where, type=type,
        )  # fmt: skip
        reply = await self._session.send(request)
        return keep_question(
            await read_off_loop(read_answer, request, reply, Segmentation),
            unit=unit,
            is_additive=type in {None, "general"},
        )

    async def segmentation_sum(
        self,
        event: str,
        from_date: Date,
        to_date: Date,
        on: AnyExpression,
        *,
        unit: BucketUnit | None = None,
        where: AnyExpression | None = None,
        **scope: Unpack[Scope],
    ) -> DailyValues:
        """Return the sum of a numeric expression over one event, for each bucket of time.

        Args:
            event: Name of the event.
            from_date: First day, inclusive: a date or `YYYY-MM-DD`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`.
            on: Numeric expression.
            unit: Size of a bucket (default: day).
            where: Expression to filter by.

        Raises:
            InvalidArgumentError: A date is invalid.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/segmentation-sum-query

        Example:
            ```python
            amount = 'number(properties["amount"])'
            revenue = await mp.query.segmentation_sum("Paid", "2026-08-01", "2026-08-31", amount)
            ```
        """
        first, last = date_range(from_date, to_date)
        check_choice("unit", unit, BucketUnit)
        request = query_request(
            "segmentation_sum", "/segmentation/sum", scope,
            event=one_text("event", event), from_date=first, to_date=last, on=on,
            unit=unit, where=where,
        )  # fmt: skip
        reply = await self._session.send(request)
        return keep_question(await read_off_loop(read_answer, request, reply, DailyValues), unit=unit, is_additive=True)

    async def segmentation_average(
        self,
        event: str,
        from_date: Date,
        to_date: Date,
        on: AnyExpression,
        *,
        unit: BucketUnit | None = None,
        where: AnyExpression | None = None,
        **scope: Unpack[Scope],
    ) -> DailyValues:
        """Return the average of a numeric expression over one event, for each bucket of time.

        Args:
            event: Name of the event.
            from_date: First day, inclusive: a date or `YYYY-MM-DD`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`.
            on: Numeric expression.
            unit: Size of a bucket (default: day).
            where: Expression to filter by.

        Raises:
            InvalidArgumentError: A date is invalid.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/segmentation-query-average

        Example:
            ```python
            amount = 'number(properties["amount"])'
            mean = await mp.query.segmentation_average("Paid", "2026-08-01", "2026-08-31", amount)
            ```
        """
        first, last = date_range(from_date, to_date)
        check_choice("unit", unit, BucketUnit)
        request = query_request(
            "segmentation_average", "/segmentation/average", scope,
            event=one_text("event", event), from_date=first, to_date=last, on=on,
            unit=unit, where=where,
        )  # fmt: skip
        reply = await self._session.send(request)
        return keep_question(await read_off_loop(read_answer, request, reply, DailyValues), unit=unit)
