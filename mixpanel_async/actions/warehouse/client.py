"""Warehouse connectors: imports from a data warehouse into Mixpanel."""

from collections.abc import Mapping
from typing import Literal

from mixpanel_async.actions._core.params import Id, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import (
    Acknowledgement,
    ApiList,
    read_acknowledgement,
    read_result_list,
    read_results,
)
from mixpanel_async.actions.warehouse.models import (
    DatabricksParams,
    EventStreamImport,
    GroupsImport,
    ImportHistory,
    ImportRun,
    LookupTableImport,
    NewImport,
    PeopleImport,
    RunEvery,
    WarehouseImport,
    import_body,
)
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Request


class Warehouse(Resource):
    """Imports from a data warehouse.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/warehouse-connectors-api
    """

    async def list(self, *, project_id: Id | None = None) -> ApiList[WarehouseImport]:
        """Return the project's imports.

        Args:
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-warehouse-imports
        """
        request = self._request("list", "GET", project_id)
        return read_result_list(request, await self._session.send(request), WarehouseImport)

    async def get(self, import_id: Id, *, project_id: Id | None = None) -> WarehouseImport:
        """Return one import.

        Args:
            import_id: Its id.
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-warehouse-import
        """
        request = self._request("get", "GET", project_id, f"/{segment('import_id', import_id)}")
        return read_results(request, await self._session.send(request), WarehouseImport)

    async def update(
        self,
        import_id: Id,
        *,
        paused: bool,
        run_every: RunEvery,
        databricks_params: DatabricksParams | None = None,
        project_id: Id | None = None,
    ) -> WarehouseImport:
        """Pause, resume or reschedule an import.

        Args:
            import_id: Its id.
            paused: Whether it rests.
            run_every: Nanoseconds between two runs: `MANUAL`, `HOURLY`, `DAILY` or `WEEKLY`.
            databricks_params: Replaces all Databricks parameters.
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/update-warehouse-import
        """
        body = {"paused": paused, "run_every": run_every, "databricks_params": databricks_params}
        request = self._request("update", "PATCH", project_id, f"/{segment('import_id', import_id)}", body=body)
        return read_results(request, await self._session.send(request), WarehouseImport)

    async def delete(
        self, import_id: Id, *, delete_data: bool | None = None, project_id: Id | None = None
    ) -> Acknowledgement:
        """Delete an import.

        Args:
            import_id: Its id.
            delete_data: Delete also what it imported.
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-warehouse-import
        """
        body = {"delete_data": delete_data}
        request = self._request("delete", "DELETE", project_id, f"/{segment('import_id', import_id)}", body=body)
        return read_acknowledgement(request, await self._session.send(request))

    async def create_event_stream(
        self, settings: EventStreamImport, *, project_id: Id | None = None
    ) -> WarehouseImport:
        """Make an import of events.

        Args:
            settings: What is imported, and how.
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-event-stream-import
        """
        return await self._create("event_stream", "/event-stream", settings, project_id)

    async def create_people(self, settings: PeopleImport, *, project_id: Id | None = None) -> WarehouseImport:
        """Make an import of user profiles.

        Args:
            settings: What is imported, and how.
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-people-import
        """
        return await self._create("people", "/people", settings, project_id)

    async def create_groups(self, settings: GroupsImport, *, project_id: Id | None = None) -> WarehouseImport:
        """Make an import of group profiles.

        Args:
            settings: What is imported, and how.
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-groups-import
        """
        return await self._create("groups", "/groups", settings, project_id)

    async def create_lookup_table(
        self, settings: LookupTableImport, *, project_id: Id | None = None
    ) -> WarehouseImport:
        """Make an import of a lookup table.

        Args:
            settings: What is imported, and how.
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-lookup-table-import
        """
        return await self._create("lookup_table", "/lookup-table", settings, project_id)

    async def run(self, import_id: Id, *, project_id: Id | None = None) -> ImportRun:
        """Start an import now.

        Args:
            import_id: Its id.
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/run-an-import
        """
        path = f"/{segment('import_id', import_id)}/manual-sync"
        # A PUT, and yet a second one would be a second run.
        request = self._request("run", "PUT", project_id, path, body={}, is_repeatable=False)
        return read_results(request, await self._session.send(request), ImportRun)

    async def history(self, import_id: Id, *, project_id: Id | None = None) -> ImportHistory:
        """Return the runs of an import.

        Args:
            import_id: Its id.
            project_id: Project; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-import-history
        """
        request = self._request("history", "GET", project_id, f"/{segment('import_id', import_id)}/history")
        return read_results(request, await self._session.send(request), ImportHistory)

    async def _create(
        self,
        kind: Literal["event_stream", "people", "groups", "lookup_table"],
        path: str,
        settings: NewImport,
        project_id: Id | None,
    ) -> WarehouseImport:
        request = self._request(f"create_{kind}", "POST", project_id, path, body=import_body(settings))
        return read_results(request, await self._session.send(request), WarehouseImport)

    def _request(
        self,
        operation: str,
        method: str,
        project_id: Id | None,
        path: str = "",
        *,
        body: Mapping[str, JSONValue] | None = None,
        is_repeatable: bool | None = None,
    ) -> Request:
        name = f"warehouse.{operation}"
        path = self._project_path(name, project_id, f"/warehouse-sources/imports{path}")
        return app_request(name, method, path, body=body, is_repeatable=is_repeatable)
