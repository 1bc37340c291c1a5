"""Settings of warehouse imports, and replies about them."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from mixpanel_async.actions._core.params import check_choice, check_exclusive, choices_of
from mixpanel_async.actions._core.responses import ApiObject
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.json_types import JSONValue

SyncMode: TypeAlias = Literal["time_based", "mirror_mode", "full_sync", "one_time"]
RunEvery: TypeAlias = Literal[0, 3_600_000_000_000, 86_400_000_000_000, 604_800_000_000_000]
DatabricksParams: TypeAlias = Mapping[str, JSONValue]

MANUAL: Final = 0
HOURLY: Final = 3_600_000_000_000
DAILY: Final = 86_400_000_000_000
WEEKLY: Final = 604_800_000_000_000


class NewImport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The settings that all imports share.

    Attributes:
        warehouse_source_id: ID of the connection to the warehouse.
        table_params: The table; the fields depend on the warehouse.
        run_every: Nanoseconds between two runs: `MANUAL`, `HOURLY`, `DAILY` or `WEEKLY`.
        databricks_params: Parameters of the cluster that runs the import; Databricks only.
    """

    warehouse_source_id: int
    table_params: Mapping[str, JSONValue]
    run_every: RunEvery | None = None
    databricks_params: DatabricksParams | None = None

    def __post_init__(self) -> None:
        for field in msgspec.structs.fields(type(self)):
            if choices_of(field.type):
                check_choice(field.name, getattr(self, field.name), field.type)
        found = (self.databricks_params or {}).get("export_cluster_config")
        cluster = found if isinstance(found, Mapping) else {}
        if cluster.get("data_security_mode") == "SINGLE_USER" and not cluster.get("single_user_name"):
            raise InvalidArgumentError(
                'single_user_name is missing: data_security_mode "SINGLE_USER" needs it; give both'
            )
        if getattr(self, "sync_mode", None) == "time_based" and not getattr(self, "insert_time_column_name", None):
            raise InvalidArgumentError('insert_time_column_name is missing: sync_mode "time_based" needs it; give both')


class EventStreamImport(
    NewImport, frozen=True, kw_only=True, omit_defaults=True, tag_field="import_type", tag="event_stream"
):
    """Settings of an import of events; column names are those of the warehouse.

    Attributes:
        time_column_name: Column that holds the time.
        sync_mode: How changes of the table are imported.
        event_name: Name of all events; give this or `event_column_name`.
        event_column_name: Column that holds the event name.
        user_column_name: Column that holds the user's distinct_id.
        company_column_name: Column that holds the company, for group analytics.
        device_column_name: Column that holds the device ID.
        json_properties_column_name: Column that holds properties as JSON.
        insert_time_column_name: Column that holds the time when the row was inserted.
        property_mappings: Property name by column name.

    Example:
        ```python
        from mixpanel_async.actions import EventStreamImport

        settings = EventStreamImport(
            warehouse_source_id=5,
            table_params={"database": "analytics", "schema": "public", "table": "events"},
            sync_mode="full_sync",
            time_column_name="created_at",
            event_name="Order",
        )
        ```
    """

    time_column_name: str
    sync_mode: SyncMode
    event_name: str | None = None
    event_column_name: str | None = None
    user_column_name: str | None = None
    company_column_name: str | None = None
    device_column_name: str | None = None
    json_properties_column_name: str | None = None
    insert_time_column_name: str | None = None
    property_mappings: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_exclusive(event_name=self.event_name, event_column_name=self.event_column_name)
        if self.event_name is None and self.event_column_name is None:
            raise InvalidArgumentError(
                "event_name is missing: an import of events needs event_name or event_column_name; give one of them"
            )


class PeopleImport(NewImport, frozen=True, kw_only=True, omit_defaults=True, tag_field="import_type", tag="people"):
    """Settings of an import of user profiles.

    Attributes:
        user_column_name: Column that holds the user's distinct_id.
        sync_mode: How changes of the table are imported.
        json_properties_column_name: Column that holds properties as JSON.
        insert_time_column_name: Column that holds the time when the row was inserted.
        property_mappings: Property name by column name.

    Example:
        ```python
        from mixpanel_async.actions import PeopleImport

        settings = PeopleImport(
            warehouse_source_id=5,
            table_params={"database": "analytics", "schema": "public", "table": "users"},
            sync_mode="full_sync",
            user_column_name="id",
        )
        ```
    """

    user_column_name: str
    sync_mode: SyncMode
    json_properties_column_name: str | None = None
    insert_time_column_name: str | None = None
    property_mappings: Mapping[str, str] | None = None


class GroupsImport(NewImport, frozen=True, kw_only=True, omit_defaults=True, tag_field="import_type", tag="groups"):
    """Settings of an import of group profiles.

    Attributes:
        group_key: Group key.
        group_id_column: Column that holds the group ID.
        sync_mode: How changes of the table are imported.
        insert_time_column_name: Column that holds the time when the row was inserted.
        json_properties_column_name: Column that holds properties as JSON.
        property_mappings: Property name by column name.

    Example:
        ```python
        from mixpanel_async.actions import GroupsImport

        settings = GroupsImport(
            warehouse_source_id=5,
            table_params={"database": "analytics", "schema": "public", "table": "companies"},
            sync_mode="full_sync",
            group_key="company",
            group_id_column="id",
        )
        ```
    """

    group_key: str
    group_id_column: str
    sync_mode: SyncMode
    insert_time_column_name: str | None = None
    json_properties_column_name: str | None = None
    property_mappings: Mapping[str, str] | None = None


class MixpanelProperty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The property that a lookup table extends.

    Attributes:
        value: Name of the property.
        resource_type: Whether the property belongs to events or users.
        custom_property_id: ID, if this is a custom property.

    Example:
        ```python
        from mixpanel_async.actions import MixpanelProperty

        prop = MixpanelProperty(value="sku", resource_type="event")
        ```
    """

    value: str
    resource_type: Literal["event", "user"]
    custom_property_id: int | None = None


class LookupTableImport(
    NewImport, frozen=True, kw_only=True, omit_defaults=True, tag_field="import_type", tag="lookup_table"
):
    """Settings of an import of a lookup table.

    Attributes:
        mixpanel_property: The property that the table extends.
        property_key_column_name: Column that holds the values of the property.
        sync_mode: How changes of the table are imported.

    Example:
        ```python
        from mixpanel_async.actions import LookupTableImport, MixpanelProperty

        settings = LookupTableImport(
            warehouse_source_id=5,
            table_params={"database": "analytics", "schema": "public", "table": "products"},
            sync_mode="full_sync",
            mixpanel_property=MixpanelProperty(value="sku", resource_type="event"),
            property_key_column_name="sku",
        )
        ```
    """

    mixpanel_property: MixpanelProperty
    property_key_column_name: str
    sync_mode: Literal["full_sync", "one_time"]


class WarehouseImport(ApiObject, frozen=True):
    """An import; its `raw` has the columns, which depend on its kind.

    Attributes:
        id: Import ID.
        import_type: event_sync, event_stream, people, groups or lookup_table.
        sync_mode: time_based, mirror_mode, full_sync or one_time.
        created: Creation time, ISO 8601.
        creator_id: User ID of the creator.
        creator_name: Name of the creator.
        creator_email: Email address of the creator.
        warehouse_source_id: ID of the connection to the warehouse.
        table_params: The table.
        paused: Whether the import is paused.
        run_every: Nanoseconds between two runs; 0: only manual runs.
        last_dispatch: Time of the last run.
        is_deleted: Whether the import was deleted.
    """

    id: int
    import_type: str | None = None
    sync_mode: str | None = None
    created: str | None = None
    creator_id: int | None = None
    creator_name: str | None = None
    creator_email: str | None = None
    warehouse_source_id: int | None = None
    table_params: dict[str, JSONValue] | None = None
    paused: bool | None = None
    run_every: int | None = None
    last_dispatch: int | str | None = None
    is_deleted: bool | None = None


class ImportRun(ApiObject, frozen=True):
    """A run that was started."""

    run_id: str | int


class PastRun(msgspec.Struct, frozen=True):
    """A run of an import.

    Attributes:
        status: RUNNING, SUCCEEDED, FAILED or CANCELLED.
        start_time: Start.
        end_time: End.
        num_events_imported: Number of imported rows.
    """

    status: str
    start_time: int | str | None = None
    end_time: int | str | None = None
    num_events_imported: int | None = None


class ImportHistory(ApiObject, frozen=True):
    """The runs of an import."""

    runs: list[PastRun]


def import_body(settings: NewImport) -> dict[str, JSONValue]:
    """Return the settings as the fields of a JSON object."""
    fields: dict[str, JSONValue] = msgspec.to_builtins(settings)
    return fields
