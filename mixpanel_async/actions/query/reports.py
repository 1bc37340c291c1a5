"""Saved reports, funnels, cohorts and activity of the Query API."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from mixpanel_async.actions._core.params import Date, Id, check_exclusive, check_needs, date_range, json_list
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import ApiList, read_answer, read_list, read_results
from mixpanel_async.actions.query._requests import Unit, check_limit, query_request
from mixpanel_async.actions.query.lists import Activity, Cohort, SavedFunnel
from mixpanel_async.actions.query.models import FunnelReport, InsightsReport
from mixpanel_async.auth import Credential

LengthUnit: TypeAlias = Literal["second", "minute", "hour", "day"]


class Reports(Resource):
    """Saved reports, funnels, cohorts and activity."""

    async def insights(
        self, bookmark_id: Id, *, project_id: Id | None = None, workspace_id: Id | None = None
    ) -> InsightsReport:
        """Return the data of a saved Insights report.

        Args:
            bookmark_id: The report's id, as its address shows it.
            project_id: Project; the client's unless given.
            workspace_id: Workspace; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/insights-query
        """
        request = query_request(
            "insights", "/insights", bookmark_id=bookmark_id, project_id=project_id, workspace_id=workspace_id
        )
        return read_answer(request, await self._session.send(request), InsightsReport)

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
        on: str | None = None,
        where: str | None = None,
        limit: int | None = None,
        project_id: Id | None = None,
        workspace_id: Id | None = None,
        credential: Credential | None = None,
    ) -> FunnelReport:
        """Return the data of a saved funnel.

        Args:
            funnel_id: The funnel, see `list_funnels`.
            from_date: First day, inclusive.
            to_date: Last day, inclusive.
            length: Units a user has to complete the funnel, at most 90 days; the report's own unless given.
            length_unit: What `length` counts.
            interval: Days in a bucket; excludes `unit`.
            unit: Size of a bucket; excludes `interval`.
            on: Expression to segment by.
            where: Expression to filter by.
            limit: Most segments, at most 10,000; needs `on`.
            project_id: Project; the client's unless given.
            workspace_id: Workspace; the client's unless given.
            credential: Sent in place of the client's, for example `ProjectToken(...)`.

        Raises:
            InvalidSettingError: A date is none, or options contradict each other.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/funnels-query
        """
        first, last = date_range(from_date, to_date)
        check_exclusive(interval=interval, unit=unit)
        check_needs("length_unit", length_unit, "length", length)
        check_limit(limit, on)
        request = query_request(
            "funnels", "/funnels", credential=credential, funnel_id=funnel_id, from_date=first, to_date=last,
            length=length, length_unit=length_unit, interval=interval, unit=unit, on=on, where=where, limit=limit,
            project_id=project_id, workspace_id=workspace_id,
        )  # fmt: skip
        return read_answer(request, await self._session.send(request), FunnelReport)

    async def list_funnels(
        self,
        *,
        project_id: Id | None = None,
        workspace_id: Id | None = None,
        credential: Credential | None = None,
    ) -> ApiList[SavedFunnel]:
        """Return the ids and names of the saved funnels.

        Args:
            project_id: Project; the client's unless given.
            workspace_id: Workspace; the client's unless given.
            credential: Sent in place of the client's, for example `ProjectToken(...)`.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/funnels-list-saved
        """
        request = query_request(
            "list_funnels", "/funnels/list", credential=credential, project_id=project_id, workspace_id=workspace_id
        )
        return read_list(request, await self._session.send(request), SavedFunnel)

    async def activity(
        self,
        distinct_ids: str | Sequence[str],
        from_date: Date,
        to_date: Date,
        *,
        project_id: Id | None = None,
        workspace_id: Id | None = None,
    ) -> Activity:
        """Return the events of some users.

        Args:
            distinct_ids: One user or several.
            from_date: First day, inclusive.
            to_date: Last day, inclusive.
            project_id: Project; the client's unless given.
            workspace_id: Workspace; the client's unless given.

        Raises:
            InvalidSettingError: A date is none.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/activity-stream-query
        """
        first, last = date_range(from_date, to_date)
        request = query_request(
            "activity", "/stream/query", distinct_ids=json_list(distinct_ids), from_date=first, to_date=last,
            project_id=project_id, workspace_id=workspace_id,
        )  # fmt: skip
        return read_results(request, await self._session.send(request), Activity)

    async def cohorts(self, *, project_id: Id | None = None, workspace_id: Id | None = None) -> ApiList[Cohort]:
        """Return the project's saved cohorts.

        Args:
            project_id: Project; the client's unless given.
            workspace_id: Workspace; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/cohorts-list
        """
        request = query_request(
            "cohorts", "/cohorts/list", method="POST", project_id=project_id, workspace_id=workspace_id
        )
        return read_list(request, await self._session.send(request), Cohort)
