"""The actions that existing integrations offer, each with its inputs, the function for it, and the test that covers it.

An input is mapped to the argument that carries it. `client` stands for what is said once, when the client is made:
region or address, credentials, project token. `always` stands for what every such request sends.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

CONTRACT: Final = "contract/test_contract_actions.py::test_call_makes_its_operation"
CLIENT: Final = "contract/test_contract_client.py::test_client_makes_the_operation"
RAW: Final = "integration/actions/test_raw_request.py::"
PROFILES: Final = "integration/actions/test_profiles.py::"


class Seed(msgspec.Struct, frozen=True):
    """One action: its name, our function, where each input goes, and the test."""

    action: str
    function: str
    inputs: Mapping[str, str]
    test: str


PLACE: Final = {"region": "client", "connection": "client"}
IDS: Final = {"project id": "project_id", "workspace id": "workspace_id"}
SERVED: Final = {"strict": "always", "verbose": "always"}
# What a web page needs and a server does not: sent with `request()`, whose query takes any parameter.
REDIRECT: Final = {"redirect": "request:query"}
GENERIC: Final = {
    **PLACE, "url": "url", "method": "method", "data": "option:data", "form data": "option:form",
    "file data": "option:files", "file data file names": "option:files", "query parameter": "option:query",
    "header": "option:headers", "response type": "response", "timeout": "option:timeout_seconds",
    "debug request": "option:debug", "retry delay": "option:retry_delay_seconds",
    "retry on all errors": "option:retry_on_all_errors", "max retry count": "option:max_retries",
    "use exponential backoff": "option:exponential_backoff",
}  # fmt: skip
DATES: Final = {"from date": "from_date", "to date": "to_date"}
PERIOD: Final = {**PLACE, **IDS, **DATES, "type": "type", "unit": "unit", "format": "format"}

INTEGRATION: Sequence[Seed] = [
    Seed("create alias", "alias",
         {**PLACE, **SERVED, **REDIRECT, "distinct id": "distinct_id", "project token": "client", "alias": "alias"},
         f"{CLIENT}[identity-create-alias]"),
    Seed("create GCS pipeline", "pipelines.create",
         {**PLACE, "gcs bucket": "kind:gcs_bucket", "gcs prefix": "kind:gcs_prefix", "gcs region": "kind:gcs_region",
          "project id": "project_id", "from date": "kind:from_date", "to date": "kind:to_date", "trial": "kind:trial",
          "frequency": "kind:frequency", "events": "kind:events", "where": "kind:where"},
         f"{CONTRACT}[create-warehouse-pipeline-pipelines.create0]"),
    Seed("create generic pipeline", "pipelines.create_generic", GENERIC,
         f"{RAW}test_generic_pipelines_are_raw_requests"),
    Seed("create identity", "identify",
         {**PLACE, **SERVED, **REDIRECT, "identified id": "identified_id", "anon id": "anon_id",
          "project token": "client"},
         f"{CLIENT}[create-identity]"),
    Seed("create profile", "people.set", {**PLACE, **SERVED, **REDIRECT, "properties": "properties"},
         f"{CLIENT}[profile-set]"),
    Seed("custom JQL query", "query.jql", {**PLACE, **IDS, "script": "script", "params": "params"},
         f"{CONTRACT}[query-jql-query.jql]"),
    Seed("delete pipeline", "pipelines.cancel",
         {**PLACE, "name": "name", "project id": "project_id", "use project token": "credential"},
         f"{CONTRACT}[cancel-warehouse-pipeline-pipelines.cancel]"),
    Seed("delete profile", "people.delete", {**PLACE, **SERVED, **REDIRECT, "delete profiles": "distinct_id"},
         f"{CLIENT}[delete-profile]"),
    Seed("download data", "export.events",
         {**PLACE, **DATES, "project id": "project_id", "limit": "limit", "event name": "event", "where": "where",
          "gzip encoding": "always"},
         f"{CONTRACT}[raw-event-export-export.blocks]"),
    Seed("edit GCS pipeline", "pipelines.edit",
         {**PLACE, "name": "name", "project id": "project_id", "events": "events", "where": "where"},
         f"{CONTRACT}[edit-warehouse-pipeline-pipelines.edit0]"),
    Seed("edit generic pipeline", "pipelines.edit_generic", {**GENERIC, "name": "name"},
         f"{RAW}test_generic_pipelines_are_raw_requests"),
    Seed("get pipeline", "pipelines.status",
         {**PLACE, "project id": "project_id", "name": "name", "summary": "summary", "status": "status"},
         f"{CONTRACT}[get-warehouse-pipeline-status-pipelines.status]"),
    Seed("import events", "import_event",
         {**PLACE, "use project token": "client", "events": "event", "project id": "client"},
         f"{CLIENT}[import-events]"),
    Seed("list pipelines", "pipelines.list", {**PLACE, "project id": "project_id"},
         f"{CONTRACT}[list-warehouse-pipeline-jobs-pipelines.list]"),
    Seed("list saved funnels", "query.list_funnels", {**PLACE, **IDS, "use project token": "credential"},
         f"{CONTRACT}[funnels-list-saved-query.list_funnels]"),
    Seed("query funnel saved reports", "query.funnels",
         {**PLACE, **IDS, **DATES, "use project token": "credential", "funnel id": "funnel_id", "length": "length",
          "length unit": "length_unit", "interval": "interval", "unit": "unit", "expression": "on", "where": "where",
          "limit": "limit"},
         f"{CONTRACT}[funnels-query-query.funnels0]"),
    Seed("query insights saved reports", "query.insights", {**PLACE, **IDS, "bookmark id": "bookmark_id"},
         f"{CONTRACT}[insights-query-query.insights]"),
    Seed("query profile", "query.profiles_page",
         {**PLACE, **IDS, "distinct ids": "distinct_ids", "where": "where", "output properties": "output_properties",
          "session id": "session_id", "page": "page", "behaviors": "behaviors",
          "as of timestamp": "as_of_timestamp", "filter by cohort": "filter_by_cohort",
          "include all users": "include_all_users"},
         f"{CONTRACT}[engage-query-query.profiles_page0]"),
    Seed("raw request", "request",
         {**GENERIC, "base url": "path_or_url", "url": "path_or_url"}, f"{RAW}test_query_headers_and_json"),
    Seed("track events", "track",
         {**PLACE, **REDIRECT, "use project token": "client", "ip": "always", "verbose": "always",
          "img": "request:query", "events": "event"},
         f"{CLIENT}[track-event]"),
    Seed("update multiple profiles", "people.update",
         {**PLACE, **REDIRECT, "verbose": "always", "properties to update": "updates"},
         f"{CLIENT}[profile-batch-update]"),
]  # fmt: skip

LOW_CODE: Sequence[Seed] = [
    Seed("get projects", "projects.list", PLACE, f"{CONTRACT}[get-me-projects.list]"),
    Seed("get aggregate event counts", "query.event_counts", {**PERIOD, "events": "event"},
         f"{CONTRACT}[list-recent-events-query.event_counts0]"),
    Seed("get aggregated event property values", "query.property_counts",
         {**PERIOD, "event": "event", "property name": "name"},
         f"{CONTRACT}[query-event-properties-query.property_counts0]"),
    Seed("get today's top events", "query.todays_top_events",
         {**IDS, "type": "type", "limit": "limit", "format": "format"},
         f"{CONTRACT}[query-top-events-query.todays_top_events0]"),
    Seed("get top events of 31 days", "query.top_events",
         {**IDS, "type": "type", "limit": "limit", "format": "format"},
         f"{CONTRACT}[query-months-top-event-names-query.top_events0]"),
    Seed("get top event properties", "query.top_properties",
         {**IDS, "event": "event", "limit": "limit", "format": "format"},
         f"{CONTRACT}[query-events-top-properties-query.top_properties0]"),
    Seed("get top event property values", "query.top_property_values",
         {**IDS, "event": "event", "property name": "name", "limit": "limit", "format": "format"},
         f"{CONTRACT}[query-events-top-property-values-query.top_property_values0]"),
    Seed("download data", "export.events",
         {**DATES, "project id": "project_id", "events": "event", "where": "where", "limit": "limit"},
         f"{CONTRACT}[raw-event-export-export.blocks]"),
    Seed("query insights report", "query.insights", {**IDS, "bookmark id": "bookmark_id"},
         f"{CONTRACT}[insights-query-query.insights]"),
    Seed("query profiles", "query.profiles",
         {**IDS, "distinct_id": "distinct_id", "where": "where", "page": "page", "session_id": "session_id",
          "filter_by_cohort": "filter_by_cohort", "include_all_users": "include_all_users",
          "output_properties": "output_properties"},
         f"{PROFILES}test_each_profile_comes_once[35]"),
    Seed("get profile event activity", "query.activity", {**IDS, **DATES, "distinct ids": "distinct_ids"},
         f"{CONTRACT}[activity-stream-query-query.activity]"),
    Seed("track events", "track", {"events": "event", "properties": "properties"}, f"{CLIENT}[track-event]"),
    Seed("list saved cohorts", "query.cohorts", {"workspace id": "workspace_id"},
         f"{CONTRACT}[cohorts-list-query.cohorts]"),
    Seed("custom action", "request",
         {"method": "method", "url": "path_or_url", "query": "option:query", "headers": "option:headers",
          "body": "option:json"},
         f"{RAW}test_query_headers_and_json"),
]  # fmt: skip

INGESTION: Sequence[Seed] = [
    Seed("track event", "track", {"data": "event", "verbose": "always", "ip": "always"}, f"{CLIENT}[track-event]"),
    Seed("import events", "import_event", {"events": "event", "strict": "always", "project_id": "client"},
         f"{CLIENT}[import-events]"),
    Seed("update user profile", "people.update", {"updates": "updates", "verbose": "always"},
         f"{CLIENT}[profile-batch-update]"),
    Seed("update group profile", "groups.update", {"updates": "updates", "verbose": "always"},
         f"{CLIENT}[group-batch-update]"),
    Seed("list lookup tables", "lookup_tables.list", {}, f"{CONTRACT}[list-lookup-tables-lookup_tables.list]"),
    Seed("replace lookup table", "lookup_tables.replace", {"id": "table_id", "csv": "source"},
         f"{CONTRACT}[replace-lookup-table-lookup_tables.replace]"),
    Seed("delete lookup table", "lookup_tables.delete", {"id": "table_id"},
         f"{CONTRACT}[delete-lookup-table-lookup_tables.delete]"),
    *(
        Seed(f"profile ${name}", f"people.{name}", {"distinct_id": "distinct_id"}, f"{CLIENT}[{operation}]")
        for name, operation in (
            ("set", "profile-set"), ("set_once", "profile-set-property-once"), ("add", "profile-numerical-add"),
            ("append", "profile-append-to-list-property"), ("union", "user-profile-union"),
            ("remove", "profile-remove-from-list-property"), ("unset", "profile-delete-property"),
            ("delete", "delete-profile"),
        )
    ),
]  # fmt: skip

SEEDS: Mapping[str, Sequence[Seed]] = {
    "integration platform": INTEGRATION,
    "low-code platform": LOW_CODE,
    "ingestion specification": INGESTION,
}
