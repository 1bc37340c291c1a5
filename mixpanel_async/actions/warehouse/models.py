"""Imports from a data warehouse: the settings of new ones, and what Mixpanel says of them."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from mixpanel_async.actions._core.params import check_exclusive
from mixpanel_async.actions._core.responses import ApiObject
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.models import JSONValue

SyncMode: TypeAlias = Literal["time_based", "mirror_mode", "full_sync", "one_time"]
RunEvery: TypeAlias = Literal[0, 3_600_000_000_000, 86_400_000_000_000, 604_800_000_000_000]
DatabricksParams: TypeAlias = Mapping[str, JSONValue]

MANUAL: Final = 0
HOURLY: Final = 3_600_000_000_000
DAILY: Final = 86_400_000_000_000
WEEKLY: Final = 604_800_000_000_000


class NewImport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the settings of all imports share.

    Attributes:
        warehouse_source_id: Id of the connection to the warehouse.
        table_params: Which table: its fields depend on the warehouse.
        run_every: Nanoseconds between two runs: `MANUAL`, `HOURLY`, `DAILY` or `WEEKLY`.
        databricks_params: Of the cluster that runs the import, for Databricks.
    """

    warehouse_source_id: int
    table_params: Mapping[str, JSONValue]
    run_every: RunEvery | None = None
    databricks_params: DatabricksParams | None = None

    def __post_init__(self) -> None:
        found = (self.databricks_params or {}).get("export_cluster_config")
        cluster = found if isinstance(found, Mapping) else {}
        if cluster.get("data_security_mode") == "SINGLE_USER" and not cluster.get("single_user_name"):
            raise InvalidArgumentError('data_security_mode "SINGLE_USER" needs single_user_name')
        if getattr(self, "sync_mode", None) == "time_based" and not getattr(self, "insert_time_column_name", None):
            raise InvalidArgumentError('sync_mode "time_based" needs insert_time_column_name')


class EventStreamImport(
    NewImport, frozen=True, kw_only=True, omit_defaults=True, tag_field="import_type", tag="event_stream"
):
    """An import of events; every column is named as in the warehouse.

    Attributes:
        time_column_name: Column with the time.
        sync_mode: How changes of the table are followed.
        event_name: Name of all events; excludes `event_column_name`, and one of both is needed.
        event_column_name: Column with the event's name.
        user_column_name: Column with the user's distinct_id.
        company_column_name: Column with the company, in business-to-business projects.
        device_column_name: Column with the device's id.
        json_properties_column_name: Column with properties as JSON.
        insert_time_column_name: Column with the time at which the row was inserted.
        property_mappings: Name of the property by column.
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
            raise InvalidArgumentError("an import of events needs event_name or event_column_name")


class PeopleImport(NewImport, frozen=True, kw_only=True, omit_defaults=True, tag_field="import_type", tag="people"):
    """An import of user profiles.

    Attributes:
        user_column_name: Column with the user's distinct_id.
        sync_mode: How changes of the table are followed.
        json_properties_column_name: Column with properties as JSON.
        insert_time_column_name: Column with the time at which the row was inserted.
        property_mappings: Name of the property by column.
    """

    user_column_name: str
    sync_mode: SyncMode
    json_properties_column_name: str | None = None
    insert_time_column_name: str | None = None
    property_mappings: Mapping[str, str] | None = None


class GroupsImport(NewImport, frozen=True, kw_only=True, omit_defaults=True, tag_field="import_type", tag="groups"):
    """An import of group profiles.

    Attributes:
        group_key: The group key.
        group_id_column: Column with the group's id.
        sync_mode: How changes of the table are followed.
        insert_time_column_name: Column with the time at which the row was inserted.
        json_properties_column_name: Column with properties as JSON.
        property_mappings: Name of the property by column.
    """

    group_key: str
    group_id_column: str
    sync_mode: SyncMode
    insert_time_column_name: str | None = None
    json_properties_column_name: str | None = None
    property_mappings: Mapping[str, str] | None = None


class MixpanelProperty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The property that a lookup table explains.

    Attributes:
        value: Its name.
        resource_type: Whether it belongs to events or users.
        custom_property_id: Its id, if it is a custom property.
    """

    value: str
    resource_type: Literal["event", "user"]
    custom_property_id: int | None = None


class LookupTableImport(
    NewImport, frozen=True, kw_only=True, omit_defaults=True, tag_field="import_type", tag="lookup_table"
):
    """An import of a lookup table.

    Attributes:
        mixpanel_property: The property that the table explains.
        property_key_column_name: Column with that property's values.
        sync_mode: How changes of the table are followed.
    """

    mixpanel_property: MixpanelProperty
    property_key_column_name: str
    sync_mode: Literal["full_sync", "one_time"]


class WarehouseImport(ApiObject, frozen=True):
    """An import; the columns that its kind has are in its `raw`.

    Attributes:
        id: Its id.
        import_type: event_sync, event_stream, people, groups or lookup_table.
        sync_mode: time_based, mirror_mode, full_sync or one_time.
        created: When it was made, ISO 8601.
        creator_id: Who made it.
        creator_name: That user's name.
        creator_email: That user's address.
        warehouse_source_id: Id of the connection to the warehouse.
        table_params: Which table.
        paused: Whether it rests.
        run_every: Nanoseconds between two runs; 0: only by hand.
        last_dispatch: When it ran last.
        is_deleted: Whether it was deleted.
    """

    id: int | None = None
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

    run_id: str | int | None = None


class PastRun(msgspec.Struct, frozen=True):
    """A run of an import.

    Attributes:
        status: RUNNING, SUCCEEDED, FAILED or CANCELLED.
        start_time: When it began.
        end_time: When it ended.
        num_events_imported: Rows that it brought.
    """

    status: str | None = None
    start_time: int | str | None = None
    end_time: int | str | None = None
    num_events_imported: int | None = None


class ImportHistory(ApiObject, frozen=True):
    """The runs of an import."""

    runs: list[PastRun] = msgspec.field(default_factory=list)


def import_body(settings: NewImport) -> dict[str, JSONValue]:
    """Return settings as the fields of a JSON object."""
    fields: dict[str, JSONValue] = msgspec.to_builtins(settings)
    return fields
