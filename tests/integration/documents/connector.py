"""The actions of an integration platform's connector, input by input."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mixpanel_async import AsyncMixpanel, GcsRaw
from tests.integration.documents.recording import GIF
from tests.integration.documents.rows import (
    BY_ACCOUNT,
    BY_TOKEN,
    FORM,
    GONE,
    JSON,
    OTHER_TOKEN,
    REDIRECT,
    TOKEN,
    VERBOSE,
    WORKSPACE,
    Action,
    Row,
    method,
    project,
    raw_rows,
    region,
    request,
    swap,
    use_project_token,
)

ANONYMOUS: Final = "0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER_ANONYMOUS: Final = "11111111-2222-4333-8444-555555555555"
DAYS: Final = {"from_date": "2026-08-01", "to_date": "2026-08-31"}
DAYS_CLI: Final = ["--from-date", "2026-08-01", "--to-date", "2026-08-31"]
PIPELINES: Final = "/api/2.0/nessie/pipeline"
INGESTION_REGION: Final = region("Region", "api-eu", "api-eu")
DATA_REGION: Final = region("Data and Domain", "data-eu.mixpanel", "data-eu")
QUERY_REGION: Final = region("Region and Domain", "eu.mixpanel", "eu")
FROM_DATE: Final = Row(
    "From Date", "`from_date`", "`--from-date`", given={"from_date": "2026-07-31"},
    cli=swap("2026-08-01", "2026-07-31"), sent={"query": {"from_date": "2026-07-31"}},
)  # fmt: skip
TO_DATE: Final = Row(
    "To Date", "`to_date`", "`--to-date`", given={"to_date": "2026-08-30"}, cli=swap("2026-08-31", "2026-08-30"),
    sent={"query": {"to_date": "2026-08-30"}},
)  # fmt: skip


def link(event: str, properties: Mapping[str, str], **changes: str) -> Sequence[tuple[str, Any]]:
    """Return the form that links ids."""
    fields: dict[str, Any] = {"data": {"event": event, "properties": {**properties, "token": TOKEN, **changes}}}
    return sorted(fields.items())


def _alias(**changes: str) -> Sequence[tuple[str, Any]]:
    return link("$create_alias", {"distinct_id": "u", "alias": "v"}, **changes)


def _identity(**changes: str) -> Sequence[tuple[str, Any]]:
    return link("$identify", {"$identified_id": "u", "$anon_id": ANONYMOUS}, **changes)


def _token_row(body: Sequence[tuple[str, Any]]) -> Row:
    return Row("Project Token", "`token` (default: the client's)", "`--token`", given={"token": OTHER_TOKEN},
               cli=["--token", OTHER_TOKEN], sent={"body": body})  # fmt: skip


def _strict_row(body: Sequence[tuple[str, Any]]) -> Row:
    return Row("Strict", "`strict`", "`--strict/--no-strict`", given={"strict": True}, cli=["--strict"],
               sent={"body": [*body, ("strict", "1")]})  # fmt: skip


ALIAS: Final = Action(
    "Create Alias", "`mp.ingest.alias(distinct_id, alias)`; batched: `mp.alias`", "`alias ID ALIAS`",
    method("ingest.alias"), {"distinct_id": "u", "alias": "v"}, ["alias", "u", "v"],
    request("POST", "api", "/track", query={"verbose": "1"}, body=_alias(), headers=FORM),
    [
        INGESTION_REGION,
        Row("Distinct ID", "`distinct_id`", "`ID`", given={"distinct_id": "w"}, cli=swap("u", "w"),
            sent={"body": _alias(distinct_id="w")}),
        _token_row(_alias(token=OTHER_TOKEN)),
        Row("Alias", "`alias`", "`ALIAS`", given={"alias": "w"}, cli=swap("v", "w"), sent={"body": _alias(alias="w")}),
        _strict_row(_alias()),
        VERBOSE,
        REDIRECT,
    ],
)  # fmt: skip
IDENTITY: Final = Action(
    "Create Identity", "`mp.ingest.identify(identified_id, anon_id)`; batched: `mp.identify`", "`identify ID ANON_ID`",
    method("ingest.identify"), {"identified_id": "u", "anon_id": ANONYMOUS}, ["identify", "u", ANONYMOUS],
    request("POST", "api", "/track", query={"verbose": "1"}, body=_identity(), headers=FORM),
    [
        INGESTION_REGION,
        Row("Identified ID", "`identified_id`", "`ID`", given={"identified_id": "w"}, cli=swap("u", "w"),
            sent={"body": _identity(**{"$identified_id": "w"})}),
        Row("Anon ID", "`anon_id`", "`ANON_ID`", given={"anon_id": OTHER_ANONYMOUS},
            cli=swap(ANONYMOUS, OTHER_ANONYMOUS), sent={"body": _identity(**{"$anon_id": OTHER_ANONYMOUS})}),
        _token_row(_identity(token=OTHER_TOKEN)),
        _strict_row(_identity()),
        VERBOSE,
        REDIRECT,
    ],
)  # fmt: skip

GCS: Final = {"type": "gcs-raw", "from_date": "2026-08-01", "gcs_bucket": "b", "gcs_region": "northamerica-northeast1",
              "project_id": "1"}  # fmt: skip


async def _create_gcs(mp: AsyncMixpanel, project_id: int | None = None, **fields: Any) -> object:  # noqa: ANN401
    return await mp.pipelines.create(GcsRaw(**fields), project_id=project_id)


def _form(base: Mapping[str, str], **changes: Any) -> Mapping[str, Any]:  # noqa: ANN401
    fields = {name: value for name, value in {**base, **changes}.items() if value is not GONE}
    found = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    return {"body": sorted(found)}


def _gcs(title: str, name: str, value: str) -> Row:
    flag = f"--{name.replace('_', '-')}"
    return Row(title, f"`GcsRaw.{name}`", f"`{flag}`", given={name: value}, cli=[flag, value],
               sent=_form(GCS, **{name: value}))  # fmt: skip


CREATE_GCS: Final = Action(
    "Create GCS Pipeline", "`mp.pipelines.create(GcsRaw(...))`", "`pipelines create gcs-raw`", _create_gcs,
    {"from_date": "2026-08-01", "gcs_bucket": "b"},
    ["pipelines", "create", "gcs-raw", "--from-date", "2026-08-01", "--gcs-bucket", "b"],
    request("POST", "data", f"{PIPELINES}/create", body=_form(GCS)["body"], headers={**FORM, **BY_ACCOUNT}),
    [
        DATA_REGION,
        Row("GCS Bucket", "`GcsRaw.gcs_bucket`", "`--gcs-bucket`", given={"gcs_bucket": "c"}, cli=swap("b", "c"),
            sent=_form(GCS, gcs_bucket="c")),
        _gcs("GCS Prefix", "gcs_prefix", "p/q"),
        _gcs("GCS Region", "gcs_region", "us-east1"),
        Row("Project ID", "`project_id` (default: the client's)", "`--project-id`", given={"project_id": 2},
            cli=["--project-id", "2"], sent=_form(GCS, project_id="2")),
        Row("From Date", "`GcsRaw.from_date`", "`--from-date`", given={"from_date": "2026-07-31"},
            cli=swap("2026-08-01", "2026-07-31"), sent=_form(GCS, from_date="2026-07-31")),
        _gcs("To Date", "to_date", "2026-08-31"),
        Row("Trial", "`GcsRaw.trial`", "`--trial`", given={"trial": True}, cli=["--trial"],
            sent=_form(GCS, trial="true")),
        _gcs("Frequency", "frequency", "hourly"),
        Row("Events", "`GcsRaw.events`", "`--event`, repeated", given={"events": ["A", "B"]},
            cli=["--event", "A", "--event", "B"], sent=_form(GCS, events=["A", "B"])),
        _gcs("Where", "where", 'properties["a"] == 1'),
    ],
)  # fmt: skip

GENERIC: Final = {"a": "b", "project_id": "1"}


def _generic_rows(verb: str, *, fields: Mapping[str, str]) -> list[Row]:
    path = f"{PIPELINES}/{verb}"
    return [
        DATA_REGION,
        Row("URL", "`url`", "`PATH`", given={"url": "/nessie/pipeline/other"}, cli=swap(path, f"{PIPELINES}/other"),
            sent={"path": f"{PIPELINES}/other"}),
        Row("Method", "`method`", "`METHOD`", given={"method": "PUT"}, cli=swap("POST", "PUT"), sent={"method": "PUT"}),
        *raw_rows(fields=fields),
    ]  # fmt: skip


CREATE_GENERIC: Final = Action(
    "Create Generic Pipeline", "`mp.pipelines.create_generic(form={...})`", f"`request POST {PIPELINES}/create`",
    method("pipelines.create_generic"), {"form": {"a": "b"}},
    ["request", "POST", f"{PIPELINES}/create", "--form", "a=b"],
    request("POST", "data", f"{PIPELINES}/create", body=_form(GENERIC)["body"], headers={**FORM, **BY_ACCOUNT}),
    _generic_rows("create", fields={"project_id": "1"}),
)  # fmt: skip
EDIT_GENERIC: Final = Action(
    "Edit Generic Pipeline", "`mp.pipelines.edit_generic(name, form={...})`", f"`request POST {PIPELINES}/edit`",
    method("pipelines.edit_generic"), {"name": "p", "form": {"a": "b"}},
    ["request", "POST", f"{PIPELINES}/edit", "--form", "name=p", "--form", "a=b"],
    request("POST", "data", f"{PIPELINES}/edit", body=_form(GENERIC, name="p")["body"],
            headers={**FORM, **BY_ACCOUNT}),
    [
        Row("Name", "`name`", "`--form name=NAME`; beside `--data` or `--json-body`: `-q name=NAME`",
            given={"name": "q"}, cli=swap("name=p", "name=q"),
            sent=_form(GENERIC, name="q")),
        *_generic_rows("edit", fields={"project_id": "1", "name": "p"}),
    ],
)  # fmt: skip
EDIT: Final = {"name": "p", "events": "A", "project_id": "1"}
EDIT_GCS: Final = Action(
    "Edit GCS Pipeline", "`mp.pipelines.edit(name, ...)`", "`pipelines edit NAME`", method("pipelines.edit"),
    {"name": "p", "events": ["A"]}, ["pipelines", "edit", "p", "--event", "A"],
    request("POST", "data", f"{PIPELINES}/edit", body=_form(EDIT)["body"], headers={**FORM, **BY_ACCOUNT}),
    [
        DATA_REGION,
        Row("Name", "`name`", "`NAME`", given={"name": "q"}, cli=swap("p", "q"), sent=_form(EDIT, name="q")),
        Row("Project ID", "`project_id` (default: the client's)", "`--project-id`", given={"project_id": 2},
            cli=["--project-id", "2"], sent=_form(EDIT, project_id="2")),
        Row("Events", "`events`", "`--event`, repeated", given={"events": ["A", "B"]}, cli=["--event", "B"],
            sent=_form(EDIT, events=["A", "B"])),
        Row("Where", "`where`", "`--where`", given={"where": "true"}, cli=["--where", "true"],
            sent=_form(EDIT, where="true")),
    ],
)  # fmt: skip
DELETE: Final = {"name": "p", "project_id": "1"}
DELETE_PIPELINE: Final = Action(
    "Delete Pipeline", "`mp.pipelines.delete(name)`", "`pipelines delete NAME`", method("pipelines.delete"),
    {"name": "p"}, ["pipelines", "delete", "p", "--yes"],
    request("POST", "data", f"{PIPELINES}/cancel", body=_form(DELETE)["body"], headers={**FORM, **BY_ACCOUNT}),
    [
        use_project_token(),
        DATA_REGION,
        Row("Name", "`name`", "`NAME`", given={"name": "q"}, cli=swap("p", "q"), sent=_form(DELETE, name="q")),
        Row("Project ID", "`project_id` (default: the client's)", "`--project-id`", given={"project_id": 2},
            cli=["--project-id", "2"], sent=_form(DELETE, project_id="2")),
    ],
)  # fmt: skip
GET_PIPELINE: Final = Action(
    "Get Pipeline", "`mp.pipelines.get(name)`", "`pipelines get NAME`", method("pipelines.get"), {"name": "p"},
    ["pipelines", "get", "p"],
    request("GET", "data", f"{PIPELINES}/status", query={"name": "p", "project_id": "1"}, headers=BY_ACCOUNT),
    [
        DATA_REGION,
        project(),
        Row("Name", "`name`", "`NAME`", given={"name": "q"}, cli=swap("p", "q"), sent={"query": {"name": "q"}}),
        Row("Summary", "`summary`", "`--summary`", given={"summary": True}, cli=["--summary"],
            sent={"query": {"summary": "true"}}),
        Row("Status", "`status`", "`--status`, repeated", given={"status": ["failed", "running"]},
            cli=["--status", "failed", "--status", "running"], sent={"query": {"status": ["failed", "running"]}}),
    ],
)  # fmt: skip
LIST_PIPELINES: Final = Action(
    "List Pipelines", "`mp.pipelines.list()`", "`pipelines list`", method("pipelines.list"), {}, ["pipelines", "list"],
    request("GET", "data", f"{PIPELINES}/jobs", query={"project_id": "1"}, headers=BY_ACCOUNT),
    [DATA_REGION, project()],
)  # fmt: skip


def _profiles(  # noqa: PLR0917 - a row of a table
   title: str, call: str, command: str, target: str, update: Mapping[str, Any], cli: Sequence[str],
              row: Row) -> Action:  # fmt: skip
    body = [{"$token": TOKEN, **update}]
    return Action(
        title, call, command, method(target), {"updates": [update]}, cli,
        request("POST", "api", "/engage", query={"verbose": "1"}, body=body, headers=JSON),
        [row, VERBOSE, REDIRECT, INGESTION_REGION],
    )  # fmt: skip


CREATE_PROFILE: Final = _profiles(
    "Create Profile", '`mp.ingest.engage([{"$distinct_id": ..., "$set": {...}}])`; batched: `mp.people.set`',
    "`profiles set ID JSON`", "ingest.engage", {"$distinct_id": "u", "$set": {"a": 1}},
    ["profiles", "set", "u", '{"a": 1}'],
    Row("Properties", "`updates`", "`JSON`", given={"updates": [{"$distinct_id": "u", "$set": {"b": [2]}}]},
        cli=swap('{"a": 1}', '{"b": [2]}'),
        sent={"body": [{"$token": TOKEN, "$distinct_id": "u", "$set": {"b": [2]}}]}),
)  # fmt: skip
DELETE_PROFILE: Final = _profiles(
    "Delete Profile", '`mp.ingest.engage([{"$distinct_id": ..., "$delete": ""}])`; batched: `mp.people.delete`',
    "`profiles delete ID`", "ingest.engage", {"$distinct_id": "u", "$delete": ""},
    ["profiles", "delete", "u", "--yes"],
    Row("Delete Profiles", "`updates`", "`ID`", given={"updates": [{"$distinct_id": "v", "$delete": ""}]},
        cli=swap("u", "v"), sent={"body": [{"$token": TOKEN, "$distinct_id": "v", "$delete": ""}]}),
)  # fmt: skip
BATCH: Final = '[{"$distinct_id": "u", "$unset": ["a"]}]'
OTHER_BATCH: Final = '[{"$distinct_id": "u", "$add": {"a": 1}}, {"$distinct_id": "v", "$set": {"a": 1}}]'
UPDATE_PROFILES: Final = _profiles(
    "Update Multiple Profiles", "`mp.ingest.engage(updates)`; batched: `mp.people.update`", "`profiles update JSON`",
    "ingest.engage", {"$distinct_id": "u", "$unset": ["a"]}, ["profiles", "update", BATCH],
    Row("Properties To Update", "`updates`", "`JSON`, `@FILE` or `-`", given={"updates": OTHER_BATCH},
        cli=swap(BATCH, OTHER_BATCH),
        sent={"body": [{"$token": TOKEN, "$distinct_id": "u", "$add": {"a": 1}},
                       {"$token": TOKEN, "$distinct_id": "v", "$set": {"a": 1}}]}),
)  # fmt: skip

EVENTS: Final = '[{"event": "E", "properties": {"distinct_id": "u"}}]'
OTHER_EVENTS: Final = '[{"event": "F", "properties": {"distinct_id": "v", "a": [1]}}]'
TRACK: Final = Action(
    "Track Events", "`mp.ingest.track(events)`; batched: `mp.track`", "`track JSON`", method("ingest.track"),
    {"events": EVENTS}, ["track", EVENTS],
    request("POST", "api", "/track", query={"verbose": "1"},
            body=[{"event": "E", "properties": {"token": TOKEN, "distinct_id": "u"}}], headers=JSON),
    [
        use_project_token(),
        INGESTION_REGION,
        Row("IP", "`ip`", "`--ip/--no-ip`", given={"ip": True}, cli=["--ip"], sent={"query": {"ip": "1"}}),
        VERBOSE,
        REDIRECT,
        Row("Img", "`img`; the reply's `image`", "`--img`", given={"img": True}, cli=["--img"],
            sent={"query": {"img": "1"}}, result=lambda reply: reply.image == GIF, out="GIF89a"),
        Row("Events", "`events`", "`JSON`, `@FILE` or `-`", given={"events": OTHER_EVENTS},
            cli=swap(EVENTS, OTHER_EVENTS),
            sent={"body": [{"event": "F", "properties": {"token": TOKEN, "distinct_id": "v", "a": [1]}}]}),
    ],
)  # fmt: skip
IMPORTED: Final = '[{"event": "E", "properties": {"distinct_id": "u", "time": 1700000000, "$insert_id": "i"}}]'
OTHER_IMPORTED: Final = IMPORTED.replace('"u"', '"v"')
IMPORT: Final = Action(
    "Import Events", "`mp.ingest.import_(events)`; files: `mp.import_events`",
    "`request POST /import -q strict=1 --json-body JSON`; files: `import events FILE`", method("ingest.import_"),
    {"events": IMPORTED}, ["request", "POST", "/import", "-q", "strict=1", "--json-body", IMPORTED],
    request("POST", "api", "/import", query={"strict": "1", "project_id": "1"},
            body=[{"event": "E", "properties": {"distinct_id": "u", "time": 1_700_000_000, "$insert_id": "i"}}],
            headers={**JSON, **BY_ACCOUNT}),
    [
        Row("Use Project Token", "`credential=ProjectToken(...)`", "`--use-project-token`",
            given=use_project_token().given, client={"project_id": None}, cli=["--use-project-token"],
            sent={"query": {"project_id": GONE}, "headers": BY_TOKEN}),
        INGESTION_REGION,
        Row("Events", "`events`", "`--json-body`", given={"events": OTHER_IMPORTED},
            cli=swap(IMPORTED, OTHER_IMPORTED),
            sent={"body": [{"event": "E", "properties": {"distinct_id": "v", "time": 1_700_000_000,
                                                         "$insert_id": "i"}}]}),
        project(),
    ],
)  # fmt: skip


async def _export(mp: AsyncMixpanel, **given: Any) -> object:  # noqa: ANN401
    return [event async for event in mp.export.events(**given)]


def exported(*, by_event: str, by_where: str) -> Sequence[Row]:
    """Return the rows of an export that two documents share, in their words."""
    return [
        FROM_DATE,
        TO_DATE,
        project(),
        Row("Limit", "`limit`", "`--limit`", given={"limit": 9}, cli=["--limit", "9"], sent={"query": {"limit": "9"}}),
        Row(by_event, "`event`", "`--event`, repeated", given={"event": '["A", "B"]'},
            cli=["--event", "A", "--event", "B"], sent={"query": {"event": '["A","B"]'}}),
        Row(by_where, "`where`", "`--where`", given={"where": "true"}, cli=["--where", "true"],
            sent={"query": {"where": "true"}}),
    ]  # fmt: skip


EXPORT_REQUEST: Final = request("GET", "data", "/api/2.0/export", query={**DAYS, "project_id": "1"}, headers=BY_ACCOUNT)
EXPORT: Final = Action(
    "Download Data", "`mp.export.events(from_date, to_date)`; into a file: `mp.export.to_file`",
    "`export events PATH`; `-` is standard output", _export, DAYS, ["export", "events", "-", *DAYS_CLI],
    EXPORT_REQUEST,
    [
        DATA_REGION,
        *exported(by_event="Event Name", by_where="Where"),
        Row("Gzip Encoding", "`is_gzip` (default: True)", "`--gzip/--no-gzip`", given={"is_gzip": False},
            cli=["--no-gzip"], sent={"headers": {"accept-encoding": "identity"}}),
    ],
)  # fmt: skip
JQL: Final = Action(
    "Custom JQL Query", "`mp.query.jql(script, params)`", "`query jql FILE` or `--script`", method("query.jql"),
    {"script": "main()"}, ["query", "jql", "--script", "main()"],
    request("POST", "", "/api/query/jql", query={"project_id": "1"}, body=[("script", "main()")],
            headers={**FORM, **BY_ACCOUNT}),
    [
        QUERY_REGION,
        Row("Script", "`script`", "`FILE` or `--script`", given={"script": "other()"}, cli=swap("main()", "other()"),
            sent={"body": [("script", "other()")]}),
        Row("Params", "`params`", "`--params`", given={"params": '{"a": 1}'}, cli=["--params", '{"a": 1}'],
            sent={"body": [("params", {"a": 1}), ("script", "main()")]}),
        project(),
        WORKSPACE,
    ],
)  # fmt: skip
QUERY: Final = {"project_id": "1"}
FUNNELS: Final = Action(
    "List Saved Funnels", "`mp.query.list_funnels()`", "`query list-funnels`", method("query.list_funnels"), {},
    ["query", "list-funnels"], request("GET", "", "/api/query/funnels/list", query=QUERY, headers=BY_ACCOUNT),
    [use_project_token(), QUERY_REGION, project(), WORKSPACE],
)  # fmt: skip


def _funnel(title: str, name: str, value: Any, *, told: str = "") -> Row:  # noqa: ANN401
    flag = f"--{name.replace('_', '-')}"
    return Row(title, f"`{name}`{told}", f"`{flag}`", given={name: value}, cli=[flag, str(value)],
               sent={"query": {name: str(value)}})  # fmt: skip


FUNNEL: Final = Action(
    "Query Funnel Saved Reports", "`mp.query.funnels(funnel_id, from_date, to_date)`", "`query funnels FUNNEL_ID`",
    method("query.funnels"), {"funnel_id": 7, **DAYS}, ["query", "funnels", "7", *DAYS_CLI],
    request("GET", "", "/api/query/funnels", query={**QUERY, **DAYS, "funnel_id": "7"}, headers=BY_ACCOUNT),
    [
        use_project_token(),
        QUERY_REGION,
        Row("Funnel ID", "`funnel_id`", "`FUNNEL_ID`", given={"funnel_id": 8}, cli=swap("7", "8"),
            sent={"query": {"funnel_id": "8"}}),
        FROM_DATE,
        TO_DATE,
        project(),
        WORKSPACE,
        _funnel("Length", "length", 5),
        _funnel("Length Unit", "length_unit", "hour"),
        _funnel("Interval", "interval", 2),
        _funnel("Unit", "unit", "week"),
        _funnel("Interval (the expression)", "on", 'properties["a"]'),
        _funnel("Where", "where", "true"),
        _funnel("Limit", "limit", 9),
    ],
)  # fmt: skip
BOOKMARK: Final = Row(
    "Bookmark ID", "`bookmark_id`", "`REPORT_ID`", given={"bookmark_id": 8}, cli=swap("7", "8"),
    sent={"query": {"bookmark_id": "8"}},
)  # fmt: skip
INSIGHTS_REQUEST: Final = request(
    "GET", "", "/api/query/insights", query={**QUERY, "bookmark_id": "7"}, headers=BY_ACCOUNT
)
INSIGHTS: Final = Action(
    "Query Insights Saved Reports", "`mp.query.insights(bookmark_id)`", "`query insights REPORT_ID`",
    method("query.insights"), {"bookmark_id": 7}, ["query", "insights", "7"], INSIGHTS_REQUEST,
    [QUERY_REGION, BOOKMARK, project(), WORKSPACE],
)  # fmt: skip
BEHAVIORS: Final = '[{"window": "30d", "name": "b", "event_selectors": [{"event": "E"}]}]'
ENGAGE_REQUEST: Final = request(
    "POST", "", "/api/query/engage", query=QUERY, body=[("where", "true")], headers={**FORM, **BY_ACCOUNT}
)


def selection(  # noqa: PLR0917 - a row of a table
    title: str,
    name: str,
    value: object,
    flags: Sequence[str],
    sent: object,
    flag: str,
    *more: tuple[str, object],
    needed: Mapping[str, object] | None = None,
) -> Row:
    """Return the row of a field of a profile query; `more` fields go with it."""
    return Row(title, f"`{name}`", f"`{flag}`", given={**(needed or {}), name: value}, cli=flags,
               sent={"body": sorted([(name, sent), ("where", "true"), *more])})  # fmt: skip


PROFILES: Final = Action(
    "Query Profile", "`mp.query.profiles_page(...)`; all pages: `mp.query.profiles`, into a file: "
    "`mp.export.profiles_to_file`", "`query profiles-page`; all pages: `query profiles`, `export profiles`",
    method("query.profiles_page"), {"where": "true"}, ["query", "profiles-page", "--where", "true"], ENGAGE_REQUEST,
    [
        QUERY_REGION,
        project(),
        WORKSPACE,
        selection("Distinct IDs", "distinct_ids", ["a", "b"], ["--distinct-ids", "a", "--distinct-ids", "b"],
                  ["a", "b"], "--distinct-ids`, repeated, or `--distinct-id"),
        Row("Where", "`where`", "`--where`", given={"where": "false"}, cli=swap("true", "false"),
            sent={"body": [("where", "false")]}),
        selection("Output Properties", "output_properties", '["$email", "a"]', ["--property", "$email",
                  "--property", "a"], ["$email", "a"], "--property`, repeated, or `--property"),
        selection("Session ID", "session_id", "s", ["--session-id", "s"], "s", "--session-id"),
        selection("Page", "page", 2, ["--session-id", "s", "--page", "2"], "2", "--page", ("session_id", "s"),
                  needed={"session_id": "s"}),
        selection("Behaviors", "behaviors", BEHAVIORS, ["--behaviors", BEHAVIORS],
                  [{"window": "30d", "name": "b", "event_selectors": [{"event": "E"}]}], "--behaviors"),
        selection("As Of Timestamp", "as_of_timestamp", 1_700_000_000,
                  ["--behaviors", "[]", "--as-of-timestamp", "1700000000"], "1700000000", "--as-of-timestamp",
                  ("behaviors", []), needed={"behaviors": []}),
        selection("Filter By Cohort", "filter_by_cohort", '{"id": 7}', ["--filter-by-cohort", '{"id": 7}'],
                  {"id": 7}, "--filter-by-cohort"),
        selection("Include All Users", "include_all_users", True, ["--include-all-users"], "true",
                  "--include-all-users/--only-profiles"),
    ],
)  # fmt: skip
RAW: Final = Action(
    "Raw Request", "`mp.request(method, path_or_url)`", "`request METHOD PATH`", method("request"),
    {"method": "POST", "path_or_url": "https://mixpanel.com/api/app/x", "form": {"a": "b"}},
    ["request", "POST", "https://mixpanel.com/api/app/x", "--form", "a=b"],
    request("POST", "", "/api/app/x", body=[("a", "b")], headers={**FORM, **BY_ACCOUNT}),
    [
        Row("Base URL", "`path_or_url`, a whole URL", "`PATH`, a whole URL",
            given={"path_or_url": "https://api-eu.mixpanel.com/x"},
            cli=swap("https://mixpanel.com/api/app/x", "https://api-eu.mixpanel.com/x"),
            sent={"host": "https://api-eu.mixpanel.com", "path": "/x"}),
        Row("URL", "`path_or_url`", "`PATH`", given={"path_or_url": "/lookup-tables/x"},
            cli=swap("https://mixpanel.com/api/app/x", "/lookup-tables/x"),
            sent={"host": "https://api.mixpanel.com", "path": "/lookup-tables/x",
                  "query": {"project_id": "1"}}),
        Row("Method", "`method`", "`METHOD`", given={"method": "PUT"}, cli=swap("POST", "PUT"), sent={"method": "PUT"}),
        *raw_rows(),
    ],
)  # fmt: skip

ACTIONS: Final[Sequence[Action]] = [
    ALIAS, CREATE_GCS, CREATE_GENERIC, IDENTITY, CREATE_PROFILE, JQL, DELETE_PIPELINE, DELETE_PROFILE, EXPORT, EDIT_GCS,
    EDIT_GENERIC, GET_PIPELINE, IMPORT, LIST_PIPELINES, FUNNELS, FUNNEL, INSIGHTS, PROFILES, RAW, TRACK,
    UPDATE_PROFILES,
]  # fmt: skip
