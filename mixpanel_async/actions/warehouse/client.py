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
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Request


class Warehouse(Resource):
    """Warehouse connectors: scheduled imports from a data warehouse.

    Each call takes the optional argument `project_id` (default: the client's).

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/warehouse-connectors-api

    Example:
        ```python
        imports = await mp.warehouse.list()
        ```
    """

    async def list(self, **scope: Unpack[ProjectScope]) -> ApiList[WarehouseImport]:
        """Return the imports of the project.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-warehouse-imports

        Example:
            ```python
            paused = [one.id for one in await mp.warehouse.list() if one.paused]
            ```
        """
        request = self._request("list", "GET", scope)
        return read_result_list(request, await self._session.send(request), WarehouseImport)

    async def get(self, import_id: Id, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Return one import.

        Args:
            import_id: Import ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-warehouse-import

        Example:
            ```python
            found = await mp.warehouse.get(31)
            ```
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
        """Pause, resume or reschedule an import and return it.

        Args:
            import_id: Import ID.
            paused: Whether the import is paused.
            run_every: Nanoseconds between two runs: `MANUAL`, `HOURLY`, `DAILY` or `WEEKLY`.
            databricks_params: Replaces all Databricks parameters.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/update-warehouse-import

        Example:
            ```python
            from mixpanel_async.actions.warehouse.models import DAILY

            await mp.warehouse.update(31, paused=False, run_every=DAILY)
            ```
        """
        body = {"paused": paused, "run_every": run_every, "databricks_params": databricks_params}
        request = self._request("update", "PATCH", scope, f"/{segment('import_id', import_id)}", body=body)
        return read_results(request, await self._session.send(request), WarehouseImport)

    async def delete(
        self, import_id: Id, *, delete_data: bool | None = None, **scope: Unpack[ProjectScope]
    ) -> Acknowledgement:
        """Delete an import.

        Args:
            import_id: Import ID.
            delete_data: Also delete the imported data.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/delete-warehouse-import

        Example:
            ```python
            await mp.warehouse.delete(31)
            ```
        """
        body = {"delete_data": delete_data}
        request = self._request("delete", "DELETE", scope, f"/{segment('import_id', import_id)}", body=body)
        return read_acknowledgement(request, await self._session.send(request))

    async def create_event_stream(self, settings: EventStreamImport, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Create an import of events and return it.

        Args:
            settings: What to import, and how.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-event-stream-import

        Example:
            ```python
            from mixpanel_async.actions import EventStreamImport

            settings = EventStreamImport(
                warehouse_source_id=5, table_params={"table": "events"}, sync_mode="full_sync",
                time_column_name="created_at", event_name="Order"
            )
            created = await mp.warehouse.create_event_stream(settings)
            ```
        """
        return await self._create("event_stream", "/event-stream", settings, scope)

    async def create_people(self, settings: PeopleImport, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Create an import of user profiles and return it.

        Args:
            settings: What to import, and how.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-people-import

        Example:
            ```python
            from mixpanel_async.actions import PeopleImport

            settings = PeopleImport(
                warehouse_source_id=5, table_params={"table": "users"}, sync_mode="full_sync",
                user_column_name="id"
            )
            created = await mp.warehouse.create_people(settings)
            ```
        """
        return await self._create("people", "/people", settings, scope)

    async def create_groups(self, settings: GroupsImport, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Create an import of group profiles and return it.

        Args:
            settings: What to import, and how.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-groups-import

        Example:
            ```python
            from mixpanel_async.actions import GroupsImport

            settings = GroupsImport(
                warehouse_source_id=5, table_params={"table": "companies"}, sync_mode="full_sync",
                group_key="company", group_id_column="id"
            )
            created = await mp.warehouse.create_groups(settings)
            ```
        """
        return await self._create("groups", "/groups", settings, scope)

    async def create_lookup_table(self, settings: LookupTableImport, **scope: Unpack[ProjectScope]) -> WarehouseImport:
        """Create an import of a lookup table and return it.

        Args:
            settings: What to import, and how.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-lookup-table-import

        Example:
            ```python
            from mixpanel_async.actions import LookupTableImport, MixpanelProperty

            settings = LookupTableImport(
                warehouse_source_id=5, table_params={"table": "products"}, sync_mode="full_sync",
                mixpanel_property=MixpanelProperty(value="sku", resource_type="event"),
                property_key_column_name="sku"
            )
            created = await mp.warehouse.create_lookup_table(settings)
            ```
        """
        return await self._create("lookup_table", "/lookup-table", settings, scope)

    async def run(self, import_id: Id, **scope: Unpack[ProjectScope]) -> ImportRun:
        """Start a run of an import now and return its ID.

        Args:
            import_id: Import ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/run-an-import

        Example:
            ```python
            run = await mp.warehouse.run(31)
            ```
        """
        path = f"/{segment('import_id', import_id)}/manual-sync"
        # Not repeatable although it is a PUT: a second request would start a second run.
        request = self._request("run", "PUT", scope, path, body={}, is_repeatable=False)
        return read_results(request, await self._session.send(request), ImportRun)

    async def history(self, import_id: Id, **scope: Unpack[ProjectScope]) -> ImportHistory:
        """Return the runs of an import.

        Args:
            import_id: Import ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-import-history

        Example:
            ```python
            for run in (await mp.warehouse.history(31)).runs:
                print(run.status, run.num_events_imported)
            ```
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
