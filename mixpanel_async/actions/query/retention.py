"""Retention and frequency of the Query API."""

from typing import Literal, TypeAlias, Unpack

from mixpanel_async.actions._core.params import Date, check_choice, date_range, one_text
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import keep_body, read_answer, read_keyed, read_off_loop
from mixpanel_async.actions._core.scope import Scope
from mixpanel_async.actions._core.tabular import keep_question
from mixpanel_async.actions.query._requests import Unit, check_limit, query_request
from mixpanel_async.actions.query.models import Frequency, Retention
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.json_types import JSONValue

RetentionType: TypeAlias = Literal["birth", "compounded"]
AddictionUnit: TypeAlias = Literal["hour", "day"]


class RetentionReports(Resource):
    """Retention and frequency."""

    async def retention(
        self,
        from_date: Date,
        to_date: Date,
        *,
        retention_type: RetentionType | None = None,
        born_event: str | None = None,
        event: str | None = None,
        born_where: AnyExpression | None = None,
        where: AnyExpression | None = None,
        interval: int | None = None,
        interval_count: int | None = None,
        unit: Unit | None = None,
        unbounded_retention: bool | None = None,
        on: AnyExpression | None = None,
        limit: int | None = None,
        **scope: Unpack[Scope],
    ) -> Retention:
        """Return how many users came back.

        Args:
            from_date: First day, inclusive: a date or `YYYY-MM-DD`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`.
            retention_type: `"birth"` (default): retention after a first event; `"compounded"`: recurring retention.
            born_event: First event of a user; required for `"birth"`.
            event: Event that counts as returning (default: any event).
            born_where: Expression that filters the first events.
            where: Expression that filters the returning events.
            interval: Units in a bucket (default: 1).
            interval_count: Number of buckets to return (default: 1).
            unit: Unit of `interval` (default: day).
            unbounded_retention: Count a user in a bucket if the user returned in it or later.
            on: Expression to segment the returning events by.
            limit: Maximum number of segments, up to 10,000; does nothing without `on`.

        Raises:
            InvalidArgumentError: A date is invalid, `born_event` is missing, or `limit` is out of range.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/retention-query

        Example:
            ```python
            retention = await mp.query.retention(
                "2026-08-01", "2026-08-31", born_event="Signed Up", event="Paid", unit="week", interval_count=4
            )
            rows = retention.rows()  # (date, segment, interval, count, first)
            ```
        """
        first, last = date_range(from_date, to_date)
        check_choice("retention_type", retention_type, RetentionType)
        check_choice("unit", unit, Unit)
        if retention_type != "compounded" and born_event is None:
            raise InvalidArgumentError(
                'born_event is missing: retention_type "birth" (default) needs it; give it, or "compounded"'
            )
        check_limit(limit)
        request = query_request(
            "retention", "/retention", scope, from_date=first, to_date=last, retention_type=retention_type,
            born_event=born_event and one_text("born_event", born_event), event=event and one_text("event", event),
            born_where=born_where, where=where, interval=interval,
            interval_count=interval_count, unit=unit, unbounded_retention=unbounded_retention, on=on, limit=limit,
        )  # fmt: skip
        reply = await self._session.send(request)
        cohorts = await read_off_loop(read_keyed, request, reply, dict[str, JSONValue])
        return keep_question(keep_body(Retention(cohorts), reply.body), on=on)

    async def frequency(
        self,
        from_date: Date,
        to_date: Date,
        *,
        unit: Unit,
        addiction_unit: AddictionUnit,
        event: str | None = None,
        where: AnyExpression | None = None,
        on: AnyExpression | None = None,
        limit: int | None = None,
        **scope: Unpack[Scope],
    ) -> Frequency:
        """Return in how many parts of each period users did something.

        Args:
            from_date: First day, inclusive: a date or `YYYY-MM-DD`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`.
            unit: The period.
            addiction_unit: The parts of the period that are counted.
            event: The event (default: any event).
            where: Expression to filter by.
            on: Expression to segment by.
            limit: Maximum number of segments, up to 10,000; does nothing without `on`.

        Raises:
            InvalidArgumentError: A date is invalid, or `limit` is out of range.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/retention-frequency-query

        Example:
            ```python
            frequency = await mp.query.frequency("2026-08-01", "2026-08-31", unit="week", addiction_unit="day")
            ```
        """
        first, last = date_range(from_date, to_date)
        check_choice("unit", unit, Unit)
        check_choice("addiction_unit", addiction_unit, AddictionUnit)
        check_limit(limit)
        request = query_request(
            "frequency", "/retention/addiction", scope, from_date=first, to_date=last, unit=unit,
            addiction_unit=addiction_unit, event=event and one_text("event", event), where=where, on=on, limit=limit,
        )  # fmt: skip
        return await read_off_loop(read_answer, request, await self._session.send(request), Frequency)
