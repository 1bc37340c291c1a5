"""Each operation with the function that makes it, called with every option it has."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypedDict

import msgspec

from mixpanel_async.actions import (
    Annotations,
    Experiments,
    FeatureFlags,
    Gdpr,
    LookupTables,
    Pipelines,
    Projects,
    Query,
    RawExport,
    Schemas,
    ServiceAccounts,
    Warehouse,
)
from mixpanel_async.actions.feature_flags.models import Rollout, Ruleset, Variant
from mixpanel_async.actions.pipelines.destinations import (
    Aws,
    AzureBlob,
    AzureRaw,
    BigQuery,
    GcsRaw,
    GcsSchema,
    PipelineKind,
    S3Raw,
    Snowflake,
)
from mixpanel_async.actions.schemas import Schema, SchemaJson
from mixpanel_async.actions.warehouse.models import (
    DAILY,
    EventStreamImport,
    GroupsImport,
    LookupTableImport,
    MixpanelProperty,
    PeopleImport,
)
from mixpanel_async.session import Session

FIRST, LAST = dt.date(2026, 8, 1), "2026-08-31"
PROJECT, WORKSPACE = 11, 12
CLUSTER = {"spark_version": "14", "num_workers": 2, "autoscale": {"min_workers": 1}, "data_security_mode": "NONE"}
DATABRICKS = {"export_cluster_config": CLUSTER}


class Families:
    """Every family over one session."""

    def __init__(self, session: Session) -> None:
        self.query = Query(session)
        self.pipelines = Pipelines(session)
        self.lookup_tables = LookupTables(session)
        self.annotations = Annotations(session)
        self.schemas = Schemas(session)
        self.gdpr = Gdpr(session)
        self.service_accounts = ServiceAccounts(session)
        self.warehouse = Warehouse(session)
        self.feature_flags = FeatureFlags(session)
        self.experiments = Experiments(session)
        self.projects = Projects(session)
        self.export = RawExport(session)


class Call(msgspec.Struct, frozen=True):
    """One call of a function.

    Attributes:
        operation: The operation that it must make.
        function: The function, as users of the client write it.
        make: Makes the call.
        extra: Query parameters that it sends and the specification does not have.
        lacks: Parameters and properties that the specification requires and it does not send.
        has_reply: Whether the operation's published reply is what the function reads.
    """

    operation: str
    function: str
    make: Callable[[Families], Awaitable[object]]
    extra: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    has_reply: bool = True


class Ids(TypedDict):
    """Ids given to a call in place of the client's."""

    project_id: int
    workspace_id: int


async def read_export(families: Families) -> object:
    request = families.export.request(
        FIRST, LAST, event=["a", "b"], where='properties["x"] == 1', limit=10, time_in_ms=True, project_id=PROJECT
    )
    async with families.export.stream(request) as stream:
        return [chunk async for chunk in stream.chunks()]


UUID: Final = "0e0fe0b5-a5bd-4c1c-b4a5-5e5a2d3e2a1f"
CSV: Final = frozenset({"format"})
DATES: Final = frozenset({"from_date", "to_date"})
IDS: Final[Ids] = {"project_id": PROJECT, "workspace_id": WORKSPACE}

QUERY: Sequence[Call] = [
    Call("insights-query", "query.insights", lambda f: f.query.insights(5, **IDS)),
    Call("funnels-query", "query.funnels", lambda f: f.query.funnels(
        5, FIRST, LAST, length=3, length_unit="day", interval=2, on='properties["x"]', where="true", limit=9, **IDS)),
    Call("funnels-query", "query.funnels", lambda f: f.query.funnels("5", FIRST, LAST, unit="week")),
    Call("funnels-list-saved", "query.list_funnels", lambda f: f.query.list_funnels(**IDS)),
    Call("retention-query", "query.retention", lambda f: f.query.retention(
        FIRST, LAST, retention_type="birth", born_event="a", event="b", born_where="true", where="true", interval=1,
        interval_count=2, unit="day", unbounded_retention=True, on='properties["x"]', limit=9, **IDS)),
    Call("retention-query", "query.retention", lambda f: f.query.retention(FIRST, LAST, retention_type="compounded")),
    Call("retention-frequency-query", "query.frequency", lambda f: f.query.frequency(
        FIRST, LAST, unit="week", addiction_unit="hour", event="a", where="true", on='properties["x"]', limit=9,
        **IDS)),
    Call("segmentation-query", "query.segmentation", lambda f: f.query.segmentation(
        "a", FIRST, LAST, on='properties["x"]', unit="month", where="true", limit=9, type="unique", **IDS)),
    Call("segmentation-query", "query.segmentation", lambda f: f.query.segmentation(
        "a", FIRST, LAST, interval=7, type="average")),
    Call("segmentation-query", "query.segmentation", lambda f: f.query.segmentation("a", FIRST, LAST, format="csv"),
         has_reply=False),
    Call("segmentation-numeric-query", "query.segmentation_numeric", lambda f: f.query.segmentation_numeric(
        "a", FIRST, LAST, 'properties["x"]', unit="hour", where="true", type="general", **IDS)),
    Call("segmentation-sum-query", "query.segmentation_sum", lambda f: f.query.segmentation_sum(
        "a", FIRST, LAST, 'properties["x"]', unit="day", where="true", **IDS)),
    Call("segmentation-query-average", "query.segmentation_average", lambda f: f.query.segmentation_average(
        "a", FIRST, LAST, 'properties["x"]', unit="day", where="true", **IDS)),
    Call("activity-stream-query", "query.activity", lambda f: f.query.activity(["u", "v"], FIRST, LAST, **IDS)),
    Call("cohorts-list", "query.cohorts", lambda f: f.query.cohorts(**IDS)),
    Call("engage-query", "query.profiles_page", lambda f: f.query.profiles_page(
        distinct_id="u", data_group_id=3, where="true", output_properties=["$email"], session_id="s", page=1,
        behaviors=[{"event_selectors": [{"event": "a"}], "name": "b", "window": "7d", "type": "behavioral"}],
        as_of_timestamp=1_700_000_000, **IDS)),
    Call("engage-query", "query.profiles_page", lambda f: f.query.profiles_page(
        distinct_ids=["u", "v"], filter_by_cohort=7, include_all_users=False)),
    Call("list-recent-events", "query.event_counts", lambda f: f.query.event_counts(
        ["a", "b"], type="general", unit="day", from_date=FIRST, to_date=LAST, **IDS)),
    Call("list-recent-events", "query.event_counts", lambda f: f.query.event_counts(
        "a", type="unique", unit="week", interval=4), lacks=DATES),
    Call("list-recent-events", "query.event_counts", lambda f: f.query.event_counts(
        "a", type="average", unit="minute", from_date=FIRST, to_date=LAST, format="csv"), has_reply=False),
    Call("query-top-events", "query.todays_top_events", lambda f: f.query.todays_top_events(
        type="unique", limit=9, **IDS)),
    Call("query-top-events", "query.todays_top_events", lambda f: f.query.todays_top_events(
        type="general", format="csv"), extra=CSV, has_reply=False),
    Call("query-months-top-event-names", "query.top_events", lambda f: f.query.top_events(
        type="unique", limit=9, **IDS)),
    Call("query-months-top-event-names", "query.top_events", lambda f: f.query.top_events(
        type="general", format="csv"), extra=CSV, has_reply=False),
    Call("query-event-properties", "query.property_counts", lambda f: f.query.property_counts(
        "a", "p", type="general", unit="day", values=["x", "y"], from_date=FIRST, to_date=LAST, limit=9, **IDS)),
    Call("query-event-properties", "query.property_counts", lambda f: f.query.property_counts(
        "a", "p", type="unique", unit="month", interval=2), lacks=DATES),
    Call("query-event-properties", "query.property_counts", lambda f: f.query.property_counts(
        "a", "p", type="unique", unit="hour", from_date=FIRST, to_date=LAST, format="csv"), has_reply=False),
    Call("query-events-top-properties", "query.top_properties", lambda f: f.query.top_properties("a", limit=9, **IDS)),
    Call("query-events-top-properties", "query.top_properties", lambda f: f.query.top_properties("a", format="csv"),
         extra=CSV, has_reply=False),
    Call("query-events-top-property-values", "query.top_property_values", lambda f: f.query.top_property_values(
        "a", "p", limit=9, **IDS)),
    Call("query-events-top-property-values", "query.top_property_values", lambda f: f.query.top_property_values(
        "a", "p", format="csv"), extra=CSV, has_reply=False),
    Call("query-jql", "query.jql", lambda f: f.query.jql("function main() {}", {"a": [1]}, **IDS)),
    Call("raw-event-export", "export (request)", read_export, has_reply=False),
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


def _create(kind: PipelineKind) -> Callable[[Families], Awaitable[object]]:
    return lambda f: f.pipelines.create(kind, project_id=PROJECT)


PIPELINES: Sequence[Call] = [
    Call("list-warehouse-pipeline-jobs", "pipelines.list", lambda f: f.pipelines.list(project_id=PROJECT)),
    *(Call("create-warehouse-pipeline", "pipelines.create", _create(kind)) for kind in (*KINDS, ENDLESS)),
    Call("create-warehouse-pipeline", "pipelines.create", _create(GcsRaw(
        trial=True, gcs_bucket="b", gcs_region="us-west1")), lacks=frozenset({"from_date"})),
    Call("create-warehouse-pipeline", "pipelines.create_generic", lambda f: f.pipelines.create_generic(
        form={"type": "gcs-raw", "from_date": LAST, "gcs_bucket": "b", "gcs_region": "us-west1", "project_id": 1})),
    Call("edit-warehouse-pipeline", "pipelines.edit", lambda f: f.pipelines.edit(
        "n", events=["a"], where="true", azure_client_id="i", azure_client_secret="x", azure_tenant_id="t",
        project_id=PROJECT)),
    Call("edit-warehouse-pipeline", "pipelines.edit", lambda f: f.pipelines.edit("n", bq_share_with_group=["g", "h"])),
    Call("edit-warehouse-pipeline", "pipelines.edit", lambda f: f.pipelines.edit(
        "n", glue_database="d", glue_role="r", glue_table_prefix="p")),
    Call("edit-warehouse-pipeline", "pipelines.edit_generic", lambda f: f.pipelines.edit_generic(
        "n", form={"where": "true"})),
    Call("cancel-warehouse-pipeline", "pipelines.cancel", lambda f: f.pipelines.cancel("n", project_id=PROJECT)),
    Call("pause-warehouse-pipeline", "pipelines.pause", lambda f: f.pipelines.pause("n", project_id=PROJECT)),
    Call("resume-warehouse-pipeline", "pipelines.resume", lambda f: f.pipelines.resume("n", project_id=PROJECT)),
    Call("get-warehouse-pipeline-status", "pipelines.status", lambda f: f.pipelines.status(
        "n", summary=False, status=["pending", "failed"], project_id=PROJECT)),
    Call("list-warehouse-pipeline-sync-dates", "pipelines.timeline", lambda f: f.pipelines.timeline(
        "n", project_id=PROJECT)),
]  # fmt: skip

SCHEMA: Final = SchemaJson(
    description="d", properties={"p": {"type": "string", "description": "x"}},
    metadata={"com.mixpanel": {"tags": ["t"], "hidden": False}},
)  # fmt: skip

APP: Sequence[Call] = [
    Call("list-all-annotations-for-project", "annotations.list", lambda f: f.annotations.list(
        from_date=FIRST, to_date=LAST, project_id=PROJECT)),
    Call("create-annotation", "annotations.create", lambda f: f.annotations.create(
        dt.datetime(2026, 8, 31, 12, tzinfo=dt.UTC), "text", tags=[1, 2], project_id=PROJECT)),
    Call("get-annotation", "annotations.get", lambda f: f.annotations.get(3, project_id=PROJECT)),
    Call("patch-annotation", "annotations.update", lambda f: f.annotations.update(
        "3", description="text", tags=[1], project_id=PROJECT)),
    Call("delete-annotation", "annotations.delete", lambda f: f.annotations.delete(3, project_id=PROJECT)),
    Call("get-annotation-tags", "annotations.list_tags", lambda f: f.annotations.list_tags(project_id=PROJECT)),
    Call("create-annotation-tag", "annotations.create_tag", lambda f: f.annotations.create_tag(
        "t", project_id=PROJECT)),
    Call("list-all-schemas-for-project", "schemas.list", lambda f: f.schemas.list(project_id=PROJECT)),
    Call("upload-schemas-for-project", "schemas.upload", lambda f: f.schemas.upload(
        [Schema("a", "event", SCHEMA)], truncate=True, project_id=PROJECT)),
    Call("delete-all-schemas-in-project", "schemas.delete_all", lambda f: f.schemas.delete_all(project_id=PROJECT)),
    Call("list-schemas-for-entity", "schemas.list_for_entity", lambda f: f.schemas.list_for_entity(
        "event", entity_name="a", project_id=PROJECT)),
    Call("delete-schemas-for-entity", "schemas.delete_for_entity", lambda f: f.schemas.delete_for_entity(
        "profile", entity_name="a", project_id=PROJECT)),
    Call("list-schemas-by-entity-and-name", "schemas.get", lambda f: f.schemas.get(
        "event", "a/b c", project_id=PROJECT)),
    Call("delete-schema-by-entity-and-name", "schemas.delete", lambda f: f.schemas.delete(
        "event", "a", project_id=PROJECT)),
    Call("upload-schema-by-entity-and-name", "schemas.upload_one", lambda f: f.schemas.upload_one(
        "event", "a", SCHEMA, project_id=PROJECT)),
    Call("create-retrieval", "gdpr.create_retrieval", lambda f: f.gdpr.create_retrieval(
        ["u"], compliance_type="CCPA", disclosure_type="Data")),
    Call("get-retrieval", "gdpr.get_retrieval", lambda f: f.gdpr.get_retrieval("t")),
    Call("create-deletion", "gdpr.create_deletion", lambda f: f.gdpr.create_deletion(["u"], compliance_type="GDPR")),
    Call("get-deletion", "gdpr.get_deletion", lambda f: f.gdpr.get_deletion("t")),
    Call("delete-deletion", "gdpr.cancel_deletion", lambda f: f.gdpr.cancel_deletion("t")),
    Call("list-service-accounts", "service_accounts.list", lambda f: f.service_accounts.list(9)),
    Call("create-service-account", "service_accounts.create", lambda f: f.service_accounts.create(
        9, "name", role="analyst", expires=dt.datetime(2027, 1, 1, tzinfo=dt.UTC), projects={1: "admin"})),
    Call("get-service-account", "service_accounts.get", lambda f: f.service_accounts.get(9, 8)),
    Call("delete-service-account", "service_accounts.delete", lambda f: f.service_accounts.delete(9, 8)),
    Call("list-project-service-accounts", "service_accounts.list_for_project",
         lambda f: f.service_accounts.list_for_project(project_id=PROJECT)),
    Call("add-service-accounts-to-projects", "service_accounts.add_to_projects",
         lambda f: f.service_accounts.add_to_projects(9, [8], {1: "admin", 2: "analyst"})),
    Call("remove-service-accounts-from-projects", "service_accounts.remove_from_projects",
         lambda f: f.service_accounts.remove_from_projects(9, {1: [8]})),
    Call("get-me", "projects.list", lambda f: f.projects.list()),
    Call("list-lookup-tables", "lookup_tables.list", lambda f: f.lookup_tables.list(project_id=PROJECT)),
    Call("replace-lookup-table", "lookup_tables.replace", lambda f: f.lookup_tables.replace(
        UUID, b"id,name\n1,one\n", project_id=PROJECT)),
    Call("delete-lookup-table", "lookup_tables.delete", lambda f: f.lookup_tables.delete("t", project_id=PROJECT)),
]  # fmt: skip

TABLE: Final = {"catalog": "c", "schema": "s", "table": "t"}
WAREHOUSE: Sequence[Call] = [
    Call("list-warehouse-imports", "warehouse.list", lambda f: f.warehouse.list(project_id=PROJECT)),
    Call("get-warehouse-import", "warehouse.get", lambda f: f.warehouse.get(5, project_id=PROJECT)),
    Call("update-warehouse-import", "warehouse.update", lambda f: f.warehouse.update(
        5, paused=True, run_every=DAILY, databricks_params=DATABRICKS, project_id=PROJECT)),
    Call("delete-warehouse-import", "warehouse.delete", lambda f: f.warehouse.delete(
        5, delete_data=True, project_id=PROJECT)),
    Call("create-event-stream-import", "warehouse.create_event_stream", lambda f: f.warehouse.create_event_stream(
        EventStreamImport(
            warehouse_source_id=1, table_params=TABLE, time_column_name="t", sync_mode="time_based", event_name="e",
            user_column_name="u", company_column_name="c", device_column_name="d", json_properties_column_name="j",
            run_every=DAILY, insert_time_column_name="i", property_mappings={"a": "b"}, databricks_params=DATABRICKS,
        ), project_id=PROJECT)),
    Call("create-event-stream-import", "warehouse.create_event_stream", lambda f: f.warehouse.create_event_stream(
        EventStreamImport(warehouse_source_id=1, table_params=TABLE, time_column_name="t", sync_mode="full_sync",
                          event_column_name="e"))),
    Call("create-people-import", "warehouse.create_people", lambda f: f.warehouse.create_people(
        PeopleImport(
            warehouse_source_id=1, table_params=TABLE, user_column_name="u", json_properties_column_name="j",
            sync_mode="mirror_mode", run_every=0, insert_time_column_name="i", property_mappings={"a": "b"},
            databricks_params=DATABRICKS,
        ), project_id=PROJECT)),
    Call("create-groups-import", "warehouse.create_groups", lambda f: f.warehouse.create_groups(
        GroupsImport(
            warehouse_source_id=1, table_params=TABLE, group_key="k", group_id_column="g", sync_mode="full_sync",
            run_every=DAILY, insert_time_column_name="i", json_properties_column_name="j",
            property_mappings={"a": "b"}, databricks_params=DATABRICKS,
        ), project_id=PROJECT)),
    Call("create-lookup-table-import", "warehouse.create_lookup_table", lambda f: f.warehouse.create_lookup_table(
        LookupTableImport(
            warehouse_source_id=1, table_params=TABLE, sync_mode="one_time", property_key_column_name="k",
            mixpanel_property=MixpanelProperty(value="p", resource_type="event", custom_property_id=3),
            run_every=DAILY, databricks_params=DATABRICKS,
        ), project_id=PROJECT)),
    Call("run-an-import", "warehouse.run", lambda f: f.warehouse.run(5, project_id=PROJECT)),
    Call("get-import-history", "warehouse.history", lambda f: f.warehouse.history(5, project_id=PROJECT)),
]  # fmt: skip

RULES: Final = Ruleset(
    variants=[Variant(key="on", value=True, is_control=False, split=1.0, is_sticky=True, description="d")],
    rollout=[Rollout(rollout_percentage=0.5, variant_splits={"on": 1.0}, name="n", cohort_hash="h")],
    test={"users": {"u": "on"}},
)
LATER: Final = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)

FLAGS: Sequence[Call] = [
    Call("get-variant-assignments", "feature_flags.evaluate", lambda f: f.feature_flags.evaluate(
        "u", device_id="d", custom_properties={"a": 1}, context={"group": "g"}, project_id=PROJECT)),
    Call("get-flag-definitions", "feature_flags.definitions", lambda f: f.feature_flags.definitions(
        token="t", project_id=PROJECT)),
    Call("list-feature-flags", "feature_flags.list", lambda f: f.feature_flags.list(include_archived=True, **IDS)),
    Call("create-feature-flag", "feature_flags.create", lambda f: f.feature_flags.create(
        "n", "k", context="distinct_id", serving_method="client", ruleset=RULES, tags=["t"], description="d",
        experiment_id=UUID, status="enabled", data_group_id=3, is_experiment_active=True, hash_salt="s" * 32,
        reset_hash_salt=False, **IDS)),
    Call("get-feature-flag", "feature_flags.get", lambda f: f.feature_flags.get("f", **IDS)),
    Call("update-feature-flag", "feature_flags.update", lambda f: f.feature_flags.update(
        "f", name="n", key="k", context="distinct_id", serving_method="remote_only", ruleset=RULES, tags=["t"],
        description="d", experiment_id=UUID, status="archived", data_group_id="3", is_experiment_active=False,
        hash_salt="s" * 32, reset_hash_salt=True, **IDS)),
    Call("delete-feature-flag", "feature_flags.delete", lambda f: f.feature_flags.delete("f", **IDS)),
    Call("list-experiments", "experiments.list", lambda f: f.experiments.list(workspace_id=WORKSPACE)),
    Call("create-experiment", "experiments.create", lambda f: f.experiments.create(
        "n", description="d", hypothesis="h", settings={"a": 1}, variants=[{"key": "v"}], metrics=[{"id": 1}],
        global_access_type="on", workspace_id=WORKSPACE)),
    Call("get-experiment", "experiments.get", lambda f: f.experiments.get("e", workspace_id=WORKSPACE)),
    Call("update-experiment", "experiments.update", lambda f: f.experiments.update(
        "e", name="n", description="d", hypothesis="h", status="active", settings={"a": 1}, variants=[1], metrics=[2],
        start_date=FIRST, end_date=LATER, exposures_cache={"a": 1}, results_cache={"b": 2}, tags=["t"],
        global_access_type="on", workspace_id=WORKSPACE)),
    Call("delete-experiment", "experiments.delete", lambda f: f.experiments.delete("e", workspace_id=WORKSPACE)),
    Call("archive-experiment", "experiments.archive", lambda f: f.experiments.archive("e", workspace_id=WORKSPACE)),
    Call("unarchive-experiment", "experiments.unarchive", lambda f: f.experiments.unarchive(
        "e", workspace_id=WORKSPACE)),
    Call("decide-experiment", "experiments.decide", lambda f: f.experiments.decide(
        "e", success=True, variant="v", message="m", workspace_id=WORKSPACE)),
    Call("force-conclude-experiment", "experiments.force_conclude", lambda f: f.experiments.force_conclude(
        "e", end_date=LAST, workspace_id=WORKSPACE)),
    Call("launch-experiment", "experiments.launch", lambda f: f.experiments.launch("e", workspace_id=WORKSPACE)),
]  # fmt: skip

CALLS: Sequence[Call] = [*QUERY, *PIPELINES, *APP, *WAREHOUSE, *FLAGS]
