"""Warehouse connectors: imports from a data warehouse into Mixpanel."""

from collections.abc import Mapping
from typing import Literal, Unpack

from mixpanel_async.actions._core.params import Id, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import (
    Acknowledgement,
    ApiList,
    read_acknowledgement,
    read_result_list,
    read_results,
)
from mixpanel_async.actions._core.scope import ProjectScope
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

    async def list(self, **scope: Unpack[ProjectScope]) -> ApiList[WarehouseImport]:
        """Return the project's imports.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-warehouse-imports
        """
        request = self._request("list", "GET", scope)
        return read_result_list(request, await self._session.send(request), WarehouseImport)

    async def get(self, import_id: Id, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Return one import.

        Args:
            import_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-warehouse-import
        """
        request = self._request("get", "GET", scope, f"/{segment('import_id', import_id)}")
        return read_results(request, await self._session.send(request), WarehouseImport)

    async def update(
        self,
        import_id: Id,
        *,
        paused: bool,
        run_every: RunEvery,
        databricks_params: DatabricksParams | None = None,
        **scope: Unpack[ProjectScope],
    ) -> WarehouseImport:
        """Pause, resume or reschedule an import.

        Args:
            import_id: Its id.
            paused: Whether it rests.
            run_every: Nanoseconds between two runs: `MANUAL`, `HOURLY`, `DAILY` or `WEEKLY`.
            databricks_params: Replaces all Databricks parameters.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/update-warehouse-import
        """
        body = {"paused": paused, "run_every": run_every, "databricks_params": databricks_params}
        request = self._request("update", "PATCH", scope, f"/{segment('import_id', import_id)}", body=body)
        return read_results(request, await self._session.send(request), WarehouseImport)

    async def delete(
        self, import_id: Id, *, delete_data: bool | None = None, **scope: Unpack[ProjectScope]
    ) -> Acknowledgement:
        """Delete an import.

        Args:
            import_id: Its id.
            delete_data: Delete also what it imported.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-warehouse-import
        """
        body = {"delete_data": delete_data}
        request = self._request("delete", "DELETE", scope, f"/{segment('import_id', import_id)}", body=body)
        return read_acknowledgement(request, await self._session.send(request))

    async def create_event_stream(self, settings: EventStreamImport, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Make an import of events.

        Args:
            settings: What is imported, and how.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-event-stream-import
        """
        return await self._create("event_stream", "/event-stream", settings, scope)

    async def create_people(self, settings: PeopleImport, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Make an import of user profiles.

        Args:
            settings: What is imported, and how.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-people-import
        """
        return await self._create("people", "/people", settings, scope)

    async def create_groups(self, settings: GroupsImport, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Make an import of group profiles.

        Args:
            settings: What is imported, and how.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-groups-import
        """
        return await self._create("groups", "/groups", settings, scope)

    async def create_lookup_table(self, settings: LookupTableImport, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Make an import of a lookup table.

        Args:
            settings: What is imported, and how.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-lookup-table-import
        """
        return await self._create("lookup_table", "/lookup-table", settings, scope)

    async def run(self, import_id: Id, **scope: Unpack[ProjectScope]) -> ImportRun:
        """Start an import now.

        Args:
            import_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/run-an-import
        """
        path = f"/{segment('import_id', import_id)}/manual-sync"
        # A PUT, and yet a second one would be a second run.
        request = self._request("run", "PUT", scope, path, body={}, is_repeatable=False)
        return read_results(request, await self._session.send(request), ImportRun)

    async def history(self, import_id: Id, **scope: Unpack[ProjectScope]) -> ImportHistory:
        """Return the runs of an import.

        Args:
            import_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-import-history
        """
        request = self._request("history", "GET", scope, f"/{segment('import_id', import_id)}/history")
        return read_results(request, await self._session.send(request), ImportHistory)

    async def _create(
        self,
        kind: Literal["event_stream", "people", "groups", "lookup_table"],
        path: str,
        settings: NewImport,
        scope: ProjectScope,
    ) -> WarehouseImport:
        request = self._request(f"create_{kind}", "POST", scope, path, body=import_body(settings))
        return read_results(request, await self._session.send(request), WarehouseImport)

    def _request(
        self,
        operation: str,
        method: str,
        scope: ProjectScope,
        path: str = "",
        *,
        body: Mapping[str, JSONValue] | None = None,
        is_repeatable: bool | None = None,
    ) -> Request:
        name = f"warehouse.{operation}"
        path = self._project_path(name, scope, f"/warehouse-sources/imports{path}")
        return app_request(name, method, path, body=body, is_repeatable=is_repeatable)
