"""Imports from a data warehouse, and their runs: RUNNING, then SUCCEEDED or CANCELLED."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from mixpanel_async.emulator.app.accounts import user_id
from mixpanel_async.emulator.app.moments import iso
from mixpanel_async.emulator.replies import RefusalError

SyncMode = Literal["time_based", "mirror_mode", "full_sync", "one_time"]
RunEvery = Literal[0, 3_600_000_000_000, 86_400_000_000_000, 604_800_000_000_000]
JsonObject = dict[str, Any]

_RUNS_SHOWN: Final = 30
_SECOND_NS: Final = 1_000_000_000
_ONLY_HERE: Final = frozenset({"runs", "author"})


class AskedImport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the requests for all kinds of imports have."""

    warehouse_source_id: int
    table_params: JsonObject
    run_every: RunEvery = 0
    databricks_params: JsonObject | None = None


class AskedEvents(AskedImport, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a request for an import of events."""

    import_type: Literal["event_stream"]
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


class AskedPeople(AskedImport, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a request for an import of user profiles."""

    import_type: Literal["people"]
    user_column_name: str
    sync_mode: SyncMode
    json_properties_column_name: str | None = None
    insert_time_column_name: str | None = None
    property_mappings: Mapping[str, str] | None = None


class AskedGroups(AskedImport, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a request for an import of group profiles."""

    import_type: Literal["groups"]
    group_key: str
    group_id_column: str
    sync_mode: SyncMode
    json_properties_column_name: str | None = None
    insert_time_column_name: str | None = None
    property_mappings: Mapping[str, str] | None = None


class JoinedProperty(msgspec.Struct, frozen=True, omit_defaults=True):
    """The property that a lookup table extends."""

    value: str
    resourceType: Literal["event", "user"]  # noqa: N815 - the name in the API
    customPropertyId: int | None = None  # noqa: N815 - the name in the API


class AskedLookupTable(AskedImport, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a request for an import of a lookup table."""

    import_type: Literal["lookup_table"]
    mixpanel_property: JoinedProperty
    property_key_column_name: str
    sync_mode: Literal["full_sync", "one_time"]


class ImportChange(msgspec.Struct, frozen=True):
    """The body of a request that changes an import."""

    paused: bool
    run_every: RunEvery
    databricks_params: JsonObject | None = None


class ImportDeletion(msgspec.Struct, frozen=True):
    """The body of a request that deletes an import."""

    delete_data: bool = False


def new_import(new_id: int, asked: AskedImport, author: str, now: float) -> JsonObject:
    """Return the document of a new import, which has started its first run unless it only runs on request.

    Raises:
        RefusalError: With 400, if a column is missing that the kind or the mode needs.
    """
    fields = msgspec.to_builtins(asked)
    if isinstance(asked, AskedEvents) and (asked.event_name is None) == (asked.event_column_name is None):
        raise RefusalError(400, "event_name or event_column_name is needed, and not both; give one of them")
    if fields["sync_mode"] == "time_based" and not fields.get("insert_time_column_name"):
        raise RefusalError(400, "insert_time_column_name is missing: sync_mode time_based needs it; give it")
    _check_cluster(asked.databricks_params)
    document = {
        **fields,
        "id": new_id,
        "run_every": asked.run_every,
        "paused": False,
        "created": iso(now),
        "author": author,
        "last_dispatch": None,
        "is_deleted": False,
        "runs": [],
    }
    runs_now = asked.run_every > 0 or fields["sync_mode"] == "one_time"
    return _dispatched(document, f"{new_id}-{int(now)}", int(now)) if runs_now else document


def changed_import(document: JsonObject, change: ImportChange, now: float) -> JsonObject:
    """Return an import that is paused, resumed or runs at other times; pausing stops its run.

    Raises:
        RefusalError: With 400, if the cluster is invalid.
    """
    _check_cluster(change.databricks_params)
    document = advanced_import(document, now)
    runs = [_ended(run, "CANCELLED", now) if change.paused else run for run in document["runs"]]
    changes: JsonObject = {"paused": change.paused, "run_every": change.run_every, "runs": runs}
    if change.databricks_params is not None:
        changes["databricks_params"] = change.databricks_params
    return {**document, **changes}


def started_run(document: JsonObject, run_id: str, now: float) -> JsonObject:
    """Return an import with a new run.

    Raises:
        RefusalError: With 400, if it is paused.
    """
    if document["paused"]:
        raise RefusalError(400, "the import is paused; resume it first")
    return _dispatched(advanced_import(document, now), run_id, int(now))


def looked_at(document: JsonObject, now: float) -> JsonObject:
    """Return an import whose runs are finished that were seen running: each look moves them on."""
    document = advanced_import(document, now)
    runs = [
        _ended(run, "SUCCEEDED", now) if run.get("is_seen") else {**run, "is_seen": True} for run in document["runs"]
    ]
    return {**document, "runs": runs}


def advanced_import(document: JsonObject, now: float) -> JsonObject:
    """Return an import with the run that its schedule has started until now."""
    every = document["run_every"] // _SECOND_NS
    if document["paused"] or not every or document["sync_mode"] == "one_time":
        return document
    start = document["last_dispatch"]
    due = int(now) if start is None else max(start, start + (int(now) - start) // every * every)
    return document if due == start else _dispatched(document, f"{document['id']}-{due}", due)


def history_of(document: JsonObject) -> list[JsonObject]:
    """Return the last runs of an import as the API shows them, the newest first."""
    names = ("status", "start_time", "end_time", "num_events_imported")
    return [{name: run[name] for name in names} for run in reversed(document["runs"][-_RUNS_SHOWN:])]


def shown_import(document: JsonObject) -> JsonObject:
    """Return an import as the API shows it."""
    author = document["author"]
    who = {"creator_id": user_id(author), "creator_name": author, "creator_email": ""}
    return {**{name: value for name, value in document.items() if name not in _ONLY_HERE}, **who}


def _dispatched(document: JsonObject, run_id: str, start: int) -> JsonObject:
    past = [_ended(run, "SUCCEEDED", start) for run in document["runs"][1 - _RUNS_SHOWN :]]
    times = {"start_time": start, "end_time": None, "num_events_imported": None}
    run = {"id": run_id, "status": "RUNNING", **times, "is_seen": False}
    return {**document, "last_dispatch": start, "runs": [*past, run]}


def _ended(run: JsonObject, status: str, now: float) -> JsonObject:
    # There is no warehouse: a run imports nothing.
    ends = {"status": status, "end_time": int(now), "num_events_imported": 0}
    return {**run, **ends} if run["status"] == "RUNNING" else run


def _check_cluster(params: Mapping[str, Any] | None) -> None:
    cluster = (params or {}).get("export_cluster_config") or {}
    if not isinstance(cluster, dict):
        raise RefusalError(400, "export_cluster_config is invalid: it is not an object; give one")
    if cluster.get("data_security_mode") == "SINGLE_USER" and not cluster.get("single_user_name"):
        raise RefusalError(400, "single_user_name is missing: data_security_mode SINGLE_USER needs it; give it")
