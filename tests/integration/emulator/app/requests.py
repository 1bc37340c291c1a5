"""A valid request for each published operation, and what must exist before it."""

import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import aiohttp

from tests.contract.operations import OPERATIONS, Operation
from tests.integration.emulator.api import DAY, Answer, Api, event

Ids = Mapping[str, str]

VARIANTS: Final = [
    {"key": "on", "value": True, "is_control": False, "split": 0.5},
    {"key": "off", "value": False, "is_control": True, "split": 0.5},
]
FLAG: Final[Mapping[str, Any]] = {
    "name": "New checkout",
    "key": "new-checkout",
    "tags": ["checkout"],
    "context": "distinct_id",
    "serving_method": "server",
    "status": "enabled",
    "ruleset": {"variants": VARIANTS, "rollout": [{"rollout_percentage": 1.0, "variant_splits": {}}]},
}
PIPELINE: Final[Mapping[str, Any]] = {
    "type": "gcs-raw", "from_date": DAY, "gcs_bucket": "b", "gcs_region": "us-west1", "project_id": 1
}  # fmt: skip
TABLE: Final = {"warehouse_source_id": 5, "table_params": {"table": "t"}, "sync_mode": "full_sync"}
EVENTS: Final = {**TABLE, "import_type": "event_stream", "time_column_name": "t", "event_name": "e"}
FUNNEL: Final = {"name": "Checkout", "steps": [{"event": "Signed Up"}, {"event": "Paid"}]}
INSIGHTS: Final = {"name": "Sign-ups", "from_date": DAY, "to_date": DAY, "events": [{"event": "Signed Up"}]}
SCHEMA: Final = {"description": "d", "properties": {"plan": {"type": "string"}}}
OAUTH: Final = "Bearer oauth-0123"
PROFILE: Final = {"$token": "t", "$distinct_id": "u"}
GROUP: Final = {"$token": "t", "$group_key": "company", "$group_id": "acme"}
ANON: Final = "0e0fe0b5-a5bd-4c1c-b4a5-5e5a2d3e2a1f"


class Sent(NamedTuple):
    """What a request has besides its path: query, JSON body, form, text."""

    query: Mapping[str, str | int] = {}
    json: object = None
    form: Mapping[str, Any] | None = None
    csv: str | None = None


_DAYS: Final[Mapping[str, str | int]] = {"project_id": 1, "from_date": DAY, "to_date": DAY}
_NAME: Final[Mapping[str, str | int]] = {"name": "events-daily-gcs-raw", "project_id": 1}
_TOKEN: Final = {"token": "token"}
SENT: Final[Mapping[str, Sent]] = {
    "create-annotation": Sent(json={"date": "2025-10-09 12:00:00", "description": "d"}),
    "patch-annotation": Sent(json={"description": "other"}),
    "create-annotation-tag": Sent(json={"name": "other"}),
    "list-warehouse-pipeline-jobs": Sent({"project_id": 1}),
    "create-warehouse-pipeline": Sent(form=PIPELINE),
    "edit-warehouse-pipeline": Sent(form={**_NAME, "where": "true"}),
    "cancel-warehouse-pipeline": Sent(form=_NAME),
    "pause-warehouse-pipeline": Sent(form=_NAME),
    "resume-warehouse-pipeline": Sent(form=_NAME),
    "get-warehouse-pipeline-status": Sent(_NAME),
    "list-warehouse-pipeline-sync-dates": Sent(_NAME),
    "create-experiment": Sent(json={"name": "n"}),
    "update-experiment": Sent(json={"description": "d"}),
    "decide-experiment": Sent(json={"success": True}),
    "force-conclude-experiment": Sent(json={}),
    "raw-event-export": Sent(_DAYS),
    "create-feature-flag": Sent(json={**FLAG, "key": "other"}),
    "update-feature-flag": Sent(json=FLAG),
    "get-variant-assignments": Sent({"project_id": 1, "context": '{"distinct_id": "u"}'}),
    "get-flag-definitions": Sent({"project_id": 1}),
    "create-retrieval": Sent(_TOKEN, json={"distinct_ids": ["u"]}),
    "get-retrieval": Sent(_TOKEN),
    "create-deletion": Sent(_TOKEN, json={"distinct_ids": ["u"]}),
    "get-deletion": Sent(_TOKEN),
    "delete-deletion": Sent(_TOKEN),
    "create-identity": Sent(
        json=[{"event": "$identify", "properties": {"$identified_id": "u", "$anon_id": ANON, "token": "t"}}]
    ),
    "identity-create-alias": Sent(
        json=[{"event": "$create_alias", "properties": {"distinct_id": "u", "alias": "v", "token": "t"}}]
    ),
    "identity-merge": Sent(
        {"project_id": 1, "strict": 1}, json=[{"event": "$merge", "properties": {"$distinct_ids": ["u", "v"]}}]
    ),
    "import-events": Sent({"project_id": 1, "strict": 1}, json=[event()]),
    "track-event": Sent(json=[{"event": "e", "properties": {"token": "t"}}]),
    "profile-set": Sent(json=[{**PROFILE, "$set": {"plan": "pro"}}]),
    "profile-set-property-once": Sent(json=[{**PROFILE, "$set_once": {"plan": "pro"}}]),
    "profile-numerical-add": Sent(json=[{**PROFILE, "$add": {"coins": 1}}]),
    "user-profile-union": Sent(json=[{**PROFILE, "$union": {"tags": ["a"]}}]),
    "profile-append-to-list-property": Sent(json=[{**PROFILE, "$append": {"tags": "a"}}]),
    "profile-remove-from-list-property": Sent(json=[{**PROFILE, "$remove": {"tags": "a"}}]),
    "profile-delete-property": Sent(json=[{**PROFILE, "$unset": ["tags"]}]),
    "profile-batch-update": Sent(json=[{**PROFILE, "$set": {"plan": "pro"}}]),
    "delete-profile": Sent(json=[{**PROFILE, "$delete": ""}]),
    "group-set-property": Sent(json=[{**GROUP, "$set": {"plan": "pro"}}]),
    "group-set-property-once": Sent(json=[{**GROUP, "$set_once": {"plan": "pro"}}]),
    "group-delete-property": Sent(json=[{**GROUP, "$unset": ["plan"]}]),
    "group-remove-from-list-property": Sent(json=[{**GROUP, "$remove": {"tags": "a"}}]),
    "group-union": Sent(json=[{**GROUP, "$union": {"tags": ["a"]}}]),
    "group-batch-update": Sent(json=[{**GROUP, "$set": {"plan": "pro"}}]),
    "delete-group": Sent(json=[{**GROUP, "$delete": ""}]),
    "list-lookup-tables": Sent({"project_id": 1}),
    "replace-lookup-table": Sent({"project_id": 1}, csv="id,name\n1,one\n"),
    "delete-lookup-table": Sent({"project_id": 1}),
    "upload-schemas-for-project": Sent(
        json={"entries": [{"entityType": "event", "name": "Paid", "schemaJson": SCHEMA}], "truncate": True}
    ),
    "upload-schema-by-entity-and-name": Sent(json=SCHEMA),
    "insights-query": Sent({"project_id": 1, "bookmark_id": "{bookmark_id}"}),
    "funnels-query": Sent({**_DAYS, "funnel_id": "{funnel_id}"}),
    "funnels-list-saved": Sent({"project_id": 1}),
    "retention-query": Sent({**_DAYS, "retention_type": "compounded"}),
    "retention-frequency-query": Sent({**_DAYS, "unit": "day", "addiction_unit": "hour"}),
    "segmentation-query": Sent({**_DAYS, "event": "Signed Up"}),
    "segmentation-numeric-query": Sent({**_DAYS, "event": "Signed Up", "on": 'properties["n"]'}),
    "segmentation-sum-query": Sent({**_DAYS, "event": "Signed Up", "on": 'properties["n"]'}),
    "segmentation-query-average": Sent({**_DAYS, "event": "Signed Up", "on": 'properties["n"]'}),
    "activity-stream-query": Sent({**_DAYS, "distinct_ids": '["user-0"]'}),
    "cohorts-list": Sent({"project_id": 1}),
    "engage-query": Sent({"project_id": 1}, form={}),
    "list-recent-events": Sent({**_DAYS, "event": '["Signed Up"]', "type": "general", "unit": "day"}),
    "query-top-events": Sent({"project_id": 1, "type": "general"}),
    "query-months-top-event-names": Sent({"project_id": 1, "type": "general"}),
    "query-event-properties": Sent({**_DAYS, "event": "Signed Up", "name": "n", "type": "general", "unit": "day"}),
    "query-events-top-properties": Sent({"project_id": 1, "event": "Signed Up"}),
    "query-events-top-property-values": Sent({"project_id": 1, "event": "Signed Up", "name": "n"}),
    "query-jql": Sent({"project_id": 1}, form={"script": "function main() {}"}),
    "create-service-account": Sent(json={"username": "nightly", "projects": [{"id": 1, "role": "admin"}]}),
    "add-service-accounts-to-projects": Sent(
        json={"projects": [{"id": 1, "role": "analyst"}], "service_account_ids": ["{serviceAccountId}"]}
    ),
    "remove-service-accounts-from-projects": Sent(
        json={"projects": [{"id": 1, "service_account_ids": ["{serviceAccountId}"]}]}
    ),
    "update-warehouse-import": Sent(json={"paused": True, "run_every": 0}),
    "create-event-stream-import": Sent(json=EVENTS),
    "create-people-import": Sent(json={**TABLE, "import_type": "people", "user_column_name": "u"}),
    "create-groups-import": Sent(
        json={**TABLE, "import_type": "groups", "group_key": "company", "group_id_column": "c"}
    ),
    "create-lookup-table-import": Sent(
        json={
            **TABLE,
            "import_type": "lookup_table",
            "mixpanel_property": {"value": "sku", "resourceType": "event"},
            "property_key_column_name": "sku",
        }
    ),
    "run-an-import": Sent(json={}),
}
# Operations that must come before, because of the state that they need.
BEFORE: Final[Mapping[str, Sequence[str]]] = {
    "resume-warehouse-pipeline": ["pause-warehouse-pipeline"],
    "unarchive-experiment": ["archive-experiment"],
    "force-conclude-experiment": ["launch-experiment"],
    "decide-experiment": ["launch-experiment", "force-conclude-experiment"],
    "get-import-history": ["run-an-import"],
    "list-all-annotations-for-project": ["create-annotation"],
}


async def prepare(api: Api) -> dict[str, str]:
    """Create one of everything; return the IDs by the names of path parameters."""
    await api.import_events([event(number, n=number) for number in range(3)])
    ids = {
        "projectId": "1", "project_id": "1", "workspace_id": "1000001", "organizationId": "1",
        "entityType": "event", "name": "Signed Up", "id": "products",
    }  # fmt: skip

    async def created(operation: str, *path: str) -> str:
        found = (await send(api, OPERATIONS[operation], ids)).json()
        for name in path:
            found = found[name]
        return str(found)

    ids["annotationId"] = await created("create-annotation", "results", "id")
    await send(api, OPERATIONS["create-annotation-tag"], ids, Sent(json={"name": "release"}))
    await created("create-warehouse-pipeline")
    ids["experiment_id"] = await created("create-experiment", "results", "id")
    flag = await send(api, OPERATIONS["create-feature-flag"], ids, Sent(json=FLAG))
    ids["flag_id"] = flag.json()["results"]["id"]
    ids["serviceAccountId"] = await created("create-service-account", "results", "id")
    ids["importId"] = await created("create-event-stream-import", "results", "id")
    await created("upload-schema-by-entity-and-name")
    await created("replace-lookup-table")
    ids["funnel_id"] = str((await api.post_json("/_admin/funnels", FUNNEL)).json()["funnel_id"])
    ids["bookmark_id"] = str((await api.post_json("/_admin/insights", INSIGHTS)).json()["bookmark_id"])
    return ids


async def send(api: Api, operation: Operation, ids: Ids, sent: Sent | None = None) -> Answer:
    """Send a valid request for an operation."""
    query, body, form, csv = sent or SENT.get(operation.operation, Sent())
    path = operation.path
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value.replace(" ", "%20"))
    query = {name: _filled(value, ids) for name, value in query.items()}
    content: tuple[bytes | None, str] = (None, "")
    if body is not None:
        content = _filled(json.dumps(body), ids).encode(), "application/json"
    elif form is not None:
        content = urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded"
    elif csv is not None:
        content = csv.encode(), "text/csv"
    authorization = OAUTH if operation.security == [["OAuthToken"]] else aiohttp.encode_basic_auth("account", "secret")
    headers = {"Content-Type": content[1]} if content[1] else {}
    return await api.call(
        operation.method, path, query=query, body=content[0], headers=headers, authorization=authorization
    )


def _filled(value: Any, ids: Ids) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        for name, one in ids.items():
            value = value.replace(f'"{{{name}}}"', one).replace(f"{{{name}}}", one)
    return value
