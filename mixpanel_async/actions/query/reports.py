"""Saved reports, funnels, cohorts and activity of the Query API."""

from collections.abc import Sequence
from typing import Literal, TypeAlias, Unpack

from mixpanel_async.actions._core.params import Date, Id, check_choice, check_number, date_range, text_list
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import ApiList, read_answer, read_list, read_off_loop, read_results
from mixpanel_async.actions._core.scope import Scope
from mixpanel_async.actions._core.tabular import keep_question
from mixpanel_async.actions.query._requests import Unit, check_interval, check_limit, query_request
from mixpanel_async.actions.query.funnel_report import FunnelReport
from mixpanel_async.actions.query.insights_report import InsightsReport
from mixpanel_async.actions.query.lists import Activity, Cohort, SavedFunnel
from mixpanel_async.auth import Credential
from mixpanel_async.expressions import AnyExpression

LengthUnit: TypeAlias = Literal["second", "minute", "hour", "day"]


class Reports(Resource):
    """Saved reports, funnels, cohorts and activity."""

    async def insights(self, bookmark_id: Id, **scope: Unpack[Scope]) -> InsightsReport:
        """Return the data of a saved Insights report.

        Args:
            bookmark_id: Report ID, as in the URL of the report.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/insights-query

        Example:
            ```python
            report = await mp.query.insights(9005)
            rows = report.rows()
            ```
        """
        check_number("bookmark_id", bookmark_id)
        request = query_request("insights", "/insights", scope, bookmark_id=bookmark_id)
        return await read_off_loop(read_answer, request, await self._session.send(request), InsightsReport)

    async def funnels(
        self,
        funnel_id: Id,
        from_date: Date,
        to_date: Date,
        *,
        length: int | None = None,
        length_unit: LengthUnit | None = None,
        interval: int | None = None,
        unit: Unit | None = None,
        on: AnyExpression | None = None,
        where: AnyExpression | None = None,
        limit: int | None = None,
        credential: Credential | None = None,
        **scope: Unpack[Scope],
    ) -> FunnelReport:
        """Return the data of a saved funnel.

        Args:
            funnel_id: Funnel ID; see `list_funnels`.
            from_date: First day, inclusive: a date or `YYYY-MM-DD`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`.
            length: Units that a user has to complete the funnel, at most 90 days (default: the report's).
            length_unit: Unit of `length` (default: the report's).
            interval: Days in a bucket (default: 1); another number excludes `unit`.
            unit: Size of a bucket; excludes `interval`.
            on: Expression to segment by.
            where: Expression to filter by.
            limit: Maximum number of segments, up to 10,000; does nothing without `on`.
            credential: Replaces the client's credentials for this call, for example `ProjectToken(...)`.

        Raises:
            InvalidArgumentError: A date is invalid, or the options conflict.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/funnels-query

        Example:
            ```python
            report = await mp.query.funnels(7509, "2026-08-01", "2026-08-31", unit="week")
            for date, segment, number, step in report.steps():
                print(date, segment, number, step.event, step.count)
            ```
        """
        first, last = date_range(from_date, to_date)
        check_choice("unit", unit, Unit)
        check_choice("length_unit", length_unit, LengthUnit)
        check_interval(interval, unit)
        check_limit(limit)
        check_number("funnel_id", funnel_id)
        request = query_request(
            "funnels", "/funnels", scope, credential=credential, takes_token=True, funnel_id=funnel_id,
            from_date=first, to_date=last, length=length, length_unit=length_unit,
            interval=interval, unit=unit, on=on, where=where, limit=limit,
        )  # fmt: skip
        report = await read_off_loop(read_answer, request, await self._session.send(request), FunnelReport)
        return keep_question(report, on=on)

    async def list_funnels(
        self,
        credential: Credential | None = None,
        **scope: Unpack[Scope],
    ) -> ApiList[SavedFunnel]:
        """Return the saved funnels.

        Args:
            credential: Replaces the client's credentials for this call, for example `ProjectToken(...)`.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/funnels-list-saved

        Example:
            ```python
            names = {funnel.funnel_id: funnel.name for funnel in await mp.query.list_funnels()}
            ```
        """
        request = query_request("list_funnels", "/funnels/list", scope, credential=credential, takes_token=True)
        return await read_off_loop(read_list, request, await self._session.send(request), SavedFunnel)

    async def activity(
        self,
        distinct_ids: str | Sequence[str],
        from_date: Date,
        to_date: Date,
        **scope: Unpack[Scope],
    ) -> Activity:
        """Return the events of one or several users.

        Args:
            distinct_ids: One user's ID or several; also as the text of a JSON array.
            from_date: First day, inclusive: a date or `YYYY-MM-DD`.
            to_date: Last day, inclusive: a date or `YYYY-MM-DD`.

        Raises:
            InvalidArgumentError: A date is invalid.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/activity-stream-query

        Example:
            ```python
            activity = await mp.query.activity("user-1", "2026-08-01", "2026-08-31")
            ```
        """
        first, last = date_range(from_date, to_date)
        request = query_request(
            "activity", "/stream/query", scope, distinct_ids=text_list("distinct_ids", distinct_ids),
            from_date=first, to_date=last,
        )  # fmt: skip
        return await read_off_loop(read_results, request, await self._session.send(request), Activity)

    async def cohorts(self, **scope: Unpack[Scope]) -> ApiList[Cohort]:
        """Return the project's saved cohorts.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/cohorts-list

        Example:
            ```python
            cohorts = {cohort.name: cohort.count for cohort in await mp.query.cohorts()}
            ```
        """
        request = query_request("cohorts", "/cohorts/list", scope, method="POST")
        return await read_off_loop(read_list, request, await self._session.send(request), Cohort)
