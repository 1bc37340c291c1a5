"""Each operation and the call for it, with every option."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypedDict

import msgspec

from mixpanel_async.actions import Aws, AzureBlob, AzureRaw, BigQuery, GcsRaw, GcsSchema, S3Raw, Snowflake
from mixpanel_async.actions.feature_flags.models import Rollout, Ruleset, Variant
from mixpanel_async.actions.pipelines.destinations import PipelineKind
from mixpanel_async.actions.schemas import Schema, SchemaJson
from mixpanel_async.actions.warehouse.models import (
    DAILY,
    EventStreamImport,
    GroupsImport,
    LookupTableImport,
    MixpanelProperty,
    PeopleImport,
)
from mixpanel_async.client import AsyncMixpanel

FIRST, LAST = dt.date(2026, 8, 1), "2026-08-31"
PROJECT, WORKSPACE = 11, 12
CLUSTER = {"spark_version": "14", "num_workers": 2, "autoscale": {"min_workers": 1}, "data_security_mode": "NONE"}
DATABRICKS = {"export_cluster_config": CLUSTER}


class Call(msgspec.Struct, frozen=True):
    """One call of a function.

    Attributes:
        operation: The operation that it must make.
        function: The function, as users of the client write it.
        make: Makes the call.
        extra: Query parameters that it sends and the specification does not have.
        lacks: Parameters and properties that the specification requires and it does not send.
        reply: What the server answers where the operation's published reply is not what the function reads.
    """

    operation: str
    function: str
    make: Callable[[AsyncMixpanel], Awaitable[object]]
    extra: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    reply: bytes | None = None


class Ids(TypedDict):
    """Ids given to a call in place of the client's."""

    project_id: int
    workspace_id: int


async def read_export(mp: AsyncMixpanel) -> object:
    blocks = mp.export.blocks(
        FIRST, LAST, event=["a", "b"], where='properties["x"] == 1', limit=10, time_in_ms=True, project_id=PROJECT
    )
    return [block async for block in blocks]


UUID: Final = "0e0fe0b5-a5bd-4c1c-b4a5-5e5a2d3e2a1f"
CSV: Final = frozenset({"format"})
CSV_TABLE: Final = b"event,2026-08-01\r\na,1\r\n"
DATES: Final = frozenset({"from_date", "to_date"})
IDS: Final[Ids] = {"project_id": PROJECT, "workspace_id": WORKSPACE}

QUERY: Sequence[Call] = [
    Call("insights-query", "query.insights", lambda mp: mp.query.insights(5, **IDS)),
    Call("funnels-query", "query.funnels", lambda mp: mp.query.funnels(
        5, FIRST, LAST, length=3, length_unit="day", interval=2, on='properties["x"]', where="true", limit=9, **IDS)),
    Call("funnels-query", "query.funnels", lambda mp: mp.query.funnels("5", FIRST, LAST, unit="week")),
    Call("funnels-list-saved", "query.list_funnels", lambda mp: mp.query.list_funnels(**IDS)),
    Call("retention-query", "query.retention", lambda mp: mp.query.retention(
        FIRST, LAST, retention_type="birth", born_event="a", event="b", born_where="true", where="true", interval=1,
        interval_count=2, unit="day", unbounded_retention=True, on='properties["x"]', limit=9, **IDS)),
    Call("retention-query", "query.retention", lambda mp: mp.query.retention(FIRST, LAST, retention_type="compounded")),
    Call("retention-frequency-query", "query.frequency", lambda mp: mp.query.frequency(
        FIRST, LAST, unit="week", addiction_unit="hour", event="a", where="true", on='properties["x"]', limit=9,
        **IDS)),
    Call("segmentation-query", "query.segmentation", lambda mp: mp.query.segmentation(
        "a", FIRST, LAST, on='properties["x"]', unit="month", where="true", limit=9, type="unique", **IDS)),
    Call("segmentation-query", "query.segmentation", lambda mp: mp.query.segmentation(
        "a", FIRST, LAST, interval=7, type="average")),
    Call("segmentation-query", "query.segmentation", lambda mp: mp.query.segmentation("a", FIRST, LAST, format="csv"),
         reply=CSV_TABLE),
    Call("segmentation-numeric-query", "query.segmentation_numeric", lambda mp: mp.query.segmentation_numeric(
        "a", FIRST, LAST, 'properties["x"]', unit="hour", where="true", type="general", **IDS)),
    Call("segmentation-sum-query", "query.segmentation_sum", lambda mp: mp.query.segmentation_sum(
        "a", FIRST, LAST, 'properties["x"]', unit="day", where="true", **IDS)),
    Call("segmentation-query-average", "query.segmentation_average", lambda mp: mp.query.segmentation_average(
        "a", FIRST, LAST, 'properties["x"]', unit="day", where="true", **IDS)),
    Call("activity-stream-query", "query.activity", lambda mp: mp.query.activity(["u", "v"], FIRST, LAST, **IDS)),
    Call("cohorts-list", "query.cohorts", lambda mp: mp.query.cohorts(**IDS)),
    Call("engage-query", "query.profiles_page", lambda mp: mp.query.profiles_page(
        distinct_id="u", data_group_id=3, where="true", output_properties=["$email"], session_id="s", page=1,
        behaviors=[{"event_selectors": [{"event": "a"}], "name": "b", "window": "7d", "type": "behavioral"}],
        as_of_timestamp=1_700_000_000, **IDS)),
    Call("engage-query", "query.profiles_page", lambda mp: mp.query.profiles_page(
        distinct_ids=["u", "v"], filter_by_cohort=7, include_all_users=False)),
    Call("list-recent-events", "query.event_counts", lambda mp: mp.query.event_counts(
        ["a", "b"], type="general", unit="day", from_date=FIRST, to_date=LAST, **IDS)),
    Call("list-recent-events", "query.event_counts", lambda mp: mp.query.event_counts(
        "a", type="unique", unit="week", interval=4), lacks=DATES),
    Call("list-recent-events", "query.event_counts", lambda mp: mp.query.event_counts(
        "a", type="average", unit="minute", from_date=FIRST, to_date=LAST, format="csv"), reply=CSV_TABLE),
    Call("query-top-events", "query.todays_top_events", lambda mp: mp.query.todays_top_events(
        type="unique", limit=9, **IDS)),
    Call("query-top-events", "query.todays_top_events", lambda mp: mp.query.todays_top_events(
        type="general", format="csv"), extra=CSV, reply=CSV_TABLE),
    Call("query-months-top-event-names", "query.top_events", lambda mp: mp.query.top_events(
        type="unique", limit=9, **IDS)),
    Call("query-months-top-event-names", "query.top_events", lambda mp: mp.query.top_events(
        type="general", format="csv"), extra=CSV, reply=CSV_TABLE),
    Call("query-event-properties", "query.property_counts", lambda mp: mp.query.property_counts(
        "a", "p", type="general", unit="day", values=["x", "y"], from_date=FIRST, to_date=LAST, limit=9, **IDS)),
    Call("query-event-properties", "query.property_counts", lambda mp: mp.query.property_counts(
        "a", "p", type="unique", unit="month", interval=2), lacks=DATES),
    Call("query-event-properties", "query.property_counts", lambda mp: mp.query.property_counts(
        "a", "p", type="unique", unit="hour", from_date=FIRST, to_date=LAST, format="csv"), reply=CSV_TABLE),
    Call("query-events-top-properties", "query.top_properties", lambda mp: mp.query.top_properties(
        "a", limit=9, **IDS)),
    Call("query-events-top-properties", "query.top_properties", lambda mp: mp.query.top_properties("a", format="csv"),
         extra=CSV, reply=CSV_TABLE),
    Call("query-events-top-property-values", "query.top_property_values", lambda mp: mp.query.top_property_values(
        "a", "p", limit=9, **IDS)),
    Call("query-events-top-property-values", "query.top_property_values", lambda mp: mp.query.top_property_values(
        "a", "p", format="csv"), extra=CSV, reply=CSV_TABLE),
    Call("query-jql", "query.jql", lambda mp: mp.query.jql("function main() {}", {"a": [1]}, **IDS)),
    Call("raw-event-export", "export.blocks", read_export, reply=b'{"event": "a"}\n'),
]  # fmt: skip

COMMON: Final = {"from_date": FIRST, "to_date": LAST, "trial": False, "events": ["a", "b"], "where": "true"}
AZURE: Final = {"storage_account": "s", "container_name": "c", "client_id": "i", "client_secret": "x", "tenant_id": "t",
                "prefix": "p"}  # fmt: skip
S3: Final = {"s3_bucket": "b", "s3_region": "us-east-1", "s3_role": "r", "s3_prefix": "p", "s3_encryption": "kms",
             "s3_kms_key_id": "k"}  # fmt: skip
GCS: Final = {"gcs_bucket": "b", "gcs_region": "us-east1", "gcs_prefix": "p"}
SNOWFLAKE: Final = ("prefix", "account_name", "warehouse", "storage_integration", "user", "password", "role",
                    "database", "schema")  # fmt: skip
KINDS: Sequence[PipelineKind] = [
    kind(data_source="events", **fields)  # type: ignore[arg-type]
    for kind, fields in (
        (GcsRaw, {**COMMON, **GCS, "data_format": "json"}),
        (S3Raw, {**COMMON, **S3, "data_format": "json"}),
        (AzureRaw, {**COMMON, **AZURE, "data_format": "json"}),
        (BigQuery, {**COMMON, "bq_region": "EU", "gcp_project": "g", "bq_dataset_name": "d", "bq_prefix": "p"}),
        (Snowflake, {**COMMON, **{f"snowflake_{name}": "x" for name in SNOWFLAKE}}),
        (Aws, {**COMMON, **S3, "data_format": "parquet", "use_glue": True, "glue_database": "d", "glue_role": "r",
               "glue_table_prefix": "p"}),
        (AzureBlob, {**COMMON, **AZURE, "data_format": "parquet"}),
        (GcsSchema, {**COMMON, **GCS, "data_format": "parquet"}),
    )
]  # fmt: skip
ENDLESS: Final = BigQuery(
    from_date=FIRST, frequency="hourly", data_source="people", schema_type="multischema", bq_region="US",
    gcp_project="g", bq_dataset_name="d",
)  # fmt: skip


def _create(kind: PipelineKind) -> Callable[[AsyncMixpanel], Awaitable[object]]:
    return lambda mp: mp.pipelines.create(kind, project_id=PROJECT)


PIPELINES: Sequence[Call] = [
    Call("list-warehouse-pipeline-jobs", "pipelines.list", lambda mp: mp.pipelines.list(project_id=PROJECT)),
    *(Call("create-warehouse-pipeline", "pipelines.create", _create(kind)) for kind in (*KINDS, ENDLESS)),
    Call("create-warehouse-pipeline", "pipelines.create", _create(GcsRaw(
        trial=True, gcs_bucket="b", gcs_region="us-west1")), lacks=frozenset({"from_date"})),
    Call("create-warehouse-pipeline", "pipelines.create_generic", lambda mp: mp.pipelines.create_generic(
        form={"type": "gcs-raw", "from_date": LAST, "gcs_bucket": "b", "gcs_region": "us-west1", "project_id": 1})),
    Call("edit-warehouse-pipeline", "pipelines.edit", lambda mp: mp.pipelines.edit(
        "n", events=["a"], where="true", azure_client_id="i", azure_client_secret="x", azure_tenant_id="t",
        project_id=PROJECT)),
    Call("edit-warehouse-pipeline", "pipelines.edit", lambda mp: mp.pipelines.edit(
        "n", bq_share_with_group=["g", "h"])),
    Call("edit-warehouse-pipeline", "pipelines.edit", lambda mp: mp.pipelines.edit(
        "n", glue_database="d", glue_role="r", glue_table_prefix="p")),
    Call("edit-warehouse-pipeline", "pipelines.edit_generic", lambda mp: mp.pipelines.edit_generic(
        "n", form={"where": "true"})),
    Call("cancel-warehouse-pipeline", "pipelines.delete", lambda mp: mp.pipelines.delete("n", project_id=PROJECT)),
    Call("get-warehouse-pipeline-status", "pipelines.get", lambda mp: mp.pipelines.get("n", project_id=PROJECT)),
    Call("query-event-properties", "query.property_values", lambda mp: mp.query.property_values(
        "a", "p", type="unique", unit="month", interval=2), lacks=DATES),
    Call("cancel-warehouse-pipeline", "pipelines.cancel", lambda mp: mp.pipelines.cancel("n", project_id=PROJECT)),
    Call("pause-warehouse-pipeline", "pipelines.pause", lambda mp: mp.pipelines.pause("n", project_id=PROJECT)),
    Call("resume-warehouse-pipeline", "pipelines.resume", lambda mp: mp.pipelines.resume("n", project_id=PROJECT)),
    Call("get-warehouse-pipeline-status", "pipelines.status", lambda mp: mp.pipelines.status(
        "n", summary=False, status=["pending", "failed"], project_id=PROJECT)),
    Call("list-warehouse-pipeline-sync-dates", "pipelines.timeline", lambda mp: mp.pipelines.timeline(
        "n", project_id=PROJECT)),
]  # fmt: skip

SCHEMA: Final = SchemaJson(
    description="d", properties={"p": {"type": "string", "description": "x"}},
    metadata={"com.mixpanel": {"tags": ["t"], "hidden": False}},
)  # fmt: skip

APP: Sequence[Call] = [
    Call("list-all-annotations-for-project", "annotations.list", lambda mp: mp.annotations.list(
        from_date=FIRST, to_date=LAST, project_id=PROJECT)),
    Call("create-annotation", "annotations.create", lambda mp: mp.annotations.create(
        dt.datetime(2026, 8, 31, 12, tzinfo=dt.UTC), "text", tags=[1, 2], project_id=PROJECT)),
    Call("get-annotation", "annotations.get", lambda mp: mp.annotations.get(3, project_id=PROJECT)),
    Call("patch-annotation", "annotations.update", lambda mp: mp.annotations.update(
        "3", description="text", tags=[1], project_id=PROJECT)),
    Call("delete-annotation", "annotations.delete", lambda mp: mp.annotations.delete(3, project_id=PROJECT)),
    Call("get-annotation-tags", "annotations.list_tags", lambda mp: mp.annotations.list_tags(project_id=PROJECT)),
    Call("create-annotation-tag", "annotations.create_tag", lambda mp: mp.annotations.create_tag(
        "t", project_id=PROJECT)),
    Call("list-all-schemas-for-project", "schemas.list", lambda mp: mp.schemas.list(project_id=PROJECT)),
    Call("upload-schemas-for-project", "schemas.upload", lambda mp: mp.schemas.upload(
        [Schema("a", "event", SCHEMA)], truncate=True, project_id=PROJECT)),
    Call("delete-all-schemas-in-project", "schemas.delete_all", lambda mp: mp.schemas.delete_all(project_id=PROJECT)),
    Call("list-schemas-for-entity", "schemas.list_for_entity", lambda mp: mp.schemas.list_for_entity(
        "event", entity_name="a", project_id=PROJECT)),
    Call("delete-schemas-for-entity", "schemas.delete_for_entity", lambda mp: mp.schemas.delete_for_entity(
        "profile", entity_name="a", project_id=PROJECT)),
    Call("list-schemas-by-entity-and-name", "schemas.get", lambda mp: mp.schemas.get(
        "event", "a/b c", project_id=PROJECT)),
    Call("delete-schema-by-entity-and-name", "schemas.delete", lambda mp: mp.schemas.delete(
        "event", "a", project_id=PROJECT)),
    Call("upload-schema-by-entity-and-name", "schemas.upload_one", lambda mp: mp.schemas.upload_one(
        "event", "a", SCHEMA, project_id=PROJECT)),
    Call("create-retrieval", "gdpr.create_retrieval", lambda mp: mp.gdpr.create_retrieval(
        ["u"], compliance_type="CCPA", disclosure_type="Data")),
    Call("get-retrieval", "gdpr.get_retrieval", lambda mp: mp.gdpr.get_retrieval("t")),
    Call("create-deletion", "gdpr.create_deletion", lambda mp: mp.gdpr.create_deletion(["u"], compliance_type="GDPR")),
    Call("get-deletion", "gdpr.get_deletion", lambda mp: mp.gdpr.get_deletion("t")),
    Call("delete-deletion", "gdpr.cancel_deletion", lambda mp: mp.gdpr.cancel_deletion("t")),
    Call("list-service-accounts", "service_accounts.list", lambda mp: mp.service_accounts.list(9)),
    Call("create-service-account", "service_accounts.create", lambda mp: mp.service_accounts.create(
        9, "name", role="analyst", expires=dt.datetime(2027, 1, 1, tzinfo=dt.UTC), projects={1: "admin"})),
    Call("get-service-account", "service_accounts.get", lambda mp: mp.service_accounts.get(9, 8)),
    Call("delete-service-account", "service_accounts.delete", lambda mp: mp.service_accounts.delete(9, 8)),
    Call("list-project-service-accounts", "service_accounts.list_for_project",
         lambda mp: mp.service_accounts.list_for_project(project_id=PROJECT)),
    Call("add-service-accounts-to-projects", "service_accounts.add_to_projects",
         lambda mp: mp.service_accounts.add_to_projects(9, [8], {1: "admin", 2: "analyst"})),
    Call("remove-service-accounts-from-projects", "service_accounts.remove_from_projects",
         lambda mp: mp.service_accounts.remove_from_projects(9, {1: [8]})),
    Call("get-me", "projects.list", lambda mp: mp.projects.list()),
    Call("list-lookup-tables", "lookup_tables.list", lambda mp: mp.lookup_tables.list(project_id=PROJECT)),
    Call("replace-lookup-table", "lookup_tables.replace", lambda mp: mp.lookup_tables.replace(
        UUID, b"id,name\n1,one\n", project_id=PROJECT)),
    Call("delete-lookup-table", "lookup_tables.delete", lambda mp: mp.lookup_tables.delete("t", project_id=PROJECT)),
]  # fmt: skip

TABLE: Final = {"catalog": "c", "schema": "s", "table": "t"}
WAREHOUSE: Sequence[Call] = [
    Call("list-warehouse-imports", "warehouse.list", lambda mp: mp.warehouse.list(project_id=PROJECT)),
    Call("get-warehouse-import", "warehouse.get", lambda mp: mp.warehouse.get(5, project_id=PROJECT)),
    Call("update-warehouse-import", "warehouse.update", lambda mp: mp.warehouse.update(
        5, paused=True, run_every=DAILY, databricks_params=DATABRICKS, project_id=PROJECT)),
    Call("delete-warehouse-import", "warehouse.delete", lambda mp: mp.warehouse.delete(
        5, delete_data=True, project_id=PROJECT)),
    Call("create-event-stream-import", "warehouse.create_event_stream", lambda mp: mp.warehouse.create_event_stream(
        EventStreamImport(
            warehouse_source_id=1, table_params=TABLE, time_column_name="t", sync_mode="time_based", event_name="e",
            user_column_name="u", company_column_name="c", device_column_name="d", json_properties_column_name="j",
            run_every=DAILY, insert_time_column_name="i", property_mappings={"a": "b"}, databricks_params=DATABRICKS,
        ), project_id=PROJECT)),
    Call("create-event-stream-import", "warehouse.create_event_stream", lambda mp: mp.warehouse.create_event_stream(
        EventStreamImport(warehouse_source_id=1, table_params=TABLE, time_column_name="t", sync_mode="full_sync",
                          event_column_name="e"))),
    Call("create-people-import", "warehouse.create_people", lambda mp: mp.warehouse.create_people(
        PeopleImport(
            warehouse_source_id=1, table_params=TABLE, user_column_name="u", json_properties_column_name="j",
            sync_mode="mirror_mode", run_every=0, insert_time_column_name="i", property_mappings={"a": "b"},
            databricks_params=DATABRICKS,
        ), project_id=PROJECT)),
    Call("create-groups-import", "warehouse.create_groups", lambda mp: mp.warehouse.create_groups(
        GroupsImport(
            warehouse_source_id=1, table_params=TABLE, group_key="k", group_id_column="g", sync_mode="full_sync",
            run_every=DAILY, insert_time_column_name="i", json_properties_column_name="j",
            property_mappings={"a": "b"}, databricks_params=DATABRICKS,
        ), project_id=PROJECT)),
    Call("create-lookup-table-import", "warehouse.create_lookup_table", lambda mp: mp.warehouse.create_lookup_table(
        LookupTableImport(
            warehouse_source_id=1, table_params=TABLE, sync_mode="one_time", property_key_column_name="k",
            mixpanel_property=MixpanelProperty(value="p", resource_type="event", custom_property_id=3),
            run_every=DAILY, databricks_params=DATABRICKS,
        ), project_id=PROJECT)),
    Call("run-an-import", "warehouse.run", lambda mp: mp.warehouse.run(5, project_id=PROJECT)),
    Call("get-import-history", "warehouse.history", lambda mp: mp.warehouse.history(5, project_id=PROJECT)),
]  # fmt: skip

RULES: Final = Ruleset(
    variants=[Variant(key="on", value=True, is_control=False, split=1.0, is_sticky=True, description="d")],
    rollout=[Rollout(rollout_percentage=0.5, variant_splits={"on": 1.0}, name="n", cohort_hash="h")],
    test={"users": {"u": "on"}},
)
LATER: Final = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)

FLAGS: Sequence[Call] = [
    Call("get-variant-assignments", "feature_flags.evaluate", lambda mp: mp.feature_flags.evaluate(
        "u", device_id="d", custom_properties={"a": 1}, context={"group": "g"}, project_id=PROJECT)),
    Call("get-flag-definitions", "feature_flags.definitions", lambda mp: mp.feature_flags.definitions(
        token="t", project_id=PROJECT)),
    Call("list-feature-flags", "feature_flags.list", lambda mp: mp.feature_flags.list(include_archived=True, **IDS)),
    Call("create-feature-flag", "feature_flags.create", lambda mp: mp.feature_flags.create(
        "n", "k", context="distinct_id", serving_method="client", ruleset=RULES, tags=["t"], description="d",
        experiment_id=UUID, status="enabled", data_group_id=3, is_experiment_active=True, hash_salt="s" * 32,
        reset_hash_salt=False, **IDS)),
    Call("get-feature-flag", "feature_flags.get", lambda mp: mp.feature_flags.get("f", **IDS)),
    Call("update-feature-flag", "feature_flags.update", lambda mp: mp.feature_flags.update(
        "f", name="n", key="k", context="distinct_id", serving_method="remote_only", ruleset=RULES, tags=["t"],
        description="d", experiment_id=UUID, status="archived", data_group_id="3", is_experiment_active=False,
        hash_salt="s" * 32, reset_hash_salt=True, **IDS)),
    Call("delete-feature-flag", "feature_flags.delete", lambda mp: mp.feature_flags.delete("f", **IDS)),
    Call("list-experiments", "experiments.list", lambda mp: mp.experiments.list(workspace_id=WORKSPACE)),
    Call("create-experiment", "experiments.create", lambda mp: mp.experiments.create(
        "n", description="d", hypothesis="h", settings={"a": 1}, variants=[{"key": "v"}], metrics=[{"id": 1}],
        global_access_type="on", workspace_id=WORKSPACE)),
    Call("get-experiment", "experiments.get", lambda mp: mp.experiments.get("e", workspace_id=WORKSPACE)),
    Call("update-experiment", "experiments.update", lambda mp: mp.experiments.update(
        "e", name="n", description="d", hypothesis="h", status="active", settings={"a": 1}, variants=[1], metrics=[2],
        start_date=FIRST, end_date=LATER, exposures_cache={"a": 1}, results_cache={"b": 2}, tags=["t"],
        global_access_type="on", workspace_id=WORKSPACE)),
    Call("delete-experiment", "experiments.delete", lambda mp: mp.experiments.delete("e", workspace_id=WORKSPACE)),
    Call("archive-experiment", "experiments.archive", lambda mp: mp.experiments.archive("e", workspace_id=WORKSPACE)),
    Call("unarchive-experiment", "experiments.unarchive", lambda mp: mp.experiments.unarchive(
        "e", workspace_id=WORKSPACE)),
    Call("decide-experiment", "experiments.decide", lambda mp: mp.experiments.decide(
        "e", success=True, variant="v", message="m", workspace_id=WORKSPACE)),
    Call("force-conclude-experiment", "experiments.force_conclude", lambda mp: mp.experiments.force_conclude(
        "e", end_date=LAST, workspace_id=WORKSPACE)),
    Call("launch-experiment", "experiments.launch", lambda mp: mp.experiments.launch("e", workspace_id=WORKSPACE)),
]  # fmt: skip

CALLS: Sequence[Call] = [*QUERY, *PIPELINES, *APP, *WAREHOUSE, *FLAGS]
