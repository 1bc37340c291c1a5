"""The actions of a low-code platform, input by input."""

from collections.abc import Sequence
from typing import Any, Final

from tests.integration.documents.connector import (
    BOOKMARK,
    DAYS,
    DAYS_CLI,
    ENGAGE_REQUEST,
    EXPORT_REQUEST,
    FROM_DATE,
    INSIGHTS_REQUEST,
    QUERY,
    TO_DATE,
    _export,
    exported,
    selection,
)
from tests.integration.documents.rows import (
    BY_ACCOUNT,
    JSON,
    WORKSPACE,
    Action,
    Row,
    method,
    project,
    request,
    swap,
)

SCOPE: Final = [project(), WORKSPACE]
PERIOD: Final = {**DAYS, "type": "general", "unit": "day"}
ANSWERED: Final = {**QUERY, **PERIOD}
# As the page shows it: with a token of its own, which a client without one sends.
PAGE_TOKEN: Final = "abc123xyz456token789"
PAGE: Final = (
    '[{"event": "Button Clicked", "properties": {"token": "abc123xyz456token789", "distinct_id": "user@example.com", '
    '"action": "Clicked Start Button"}}]'
)
OTHER_PAGE: Final = PAGE.replace("]", ', {"event": "Page View", "properties": {"token": "abc123xyz456token789"}}]')


def _choice(title: str, name: str, value: str) -> Row:
    return Row(title, f"`{name}`", f"`--{name}`", given={name: value}, cli=[f"--{name}", value],
               sent={"query": {name: value}})  # fmt: skip


TYPE: Final = _choice("Type", "type", "unique")
UNIT: Final = _choice("Unit", "unit", "week")
FORMAT: Final = Row(
    "Format", "`format`", "`--format`", given={"format": "csv"}, cli=["--format", "csv"],
    sent={"query": {"format": "csv"}}, result="date,count\n2026-08-01,1\n", out="date,count\n2026-08-01,1\n",
)  # fmt: skip
LIMIT: Final = Row(
    "Limit", "`limit`", "`--limit`", given={"limit": 9}, cli=["--limit", "9"], sent={"query": {"limit": "9"}}
)
EVENT: Final = Row(
    "Event", "`event`", "`EVENT`", given={"event": "F"}, cli=swap("E", "F"), sent={"query": {"event": "F"}}
)
PROPERTY: Final = Row(
    "Property Name", "`name`", "`PROPERTY`", given={"name": "SubscriptionTier"}, cli=swap("PlanType",
    "SubscriptionTier"), sent={"query": {"name": "SubscriptionTier"}},
)  # fmt: skip


def _query(  # noqa: PLR0917 - a row of a table
   title: str, target: str, command: Sequence[str], path: str, given: dict[str, Any], told: str,
           sent: dict[str, str], rows: Sequence[Row], shown: str) -> Action:  # fmt: skip
    return Action(
        title, f"`mp.{target}({told})`", f"`query {shown}`", method(target), given, ["query", *command],
        request("GET", "", f"/api/query/{path}", query={**QUERY, **sent}, headers=BY_ACCOUNT), [*SCOPE, *rows],
    )  # fmt: skip


COUNTS: Final = _query(
    "Get Aggregate Event Counts", "query.event_counts", ["event-counts", '["Signup"]', *DAYS_CLI], "events",
    {"event": '["Signup"]', **PERIOD}, "event, type=..., unit=..., from_date=..., to_date=...",
    {**PERIOD, "event": '["Signup"]'},
    [
        Row("Event(s) (JSON array)", "`event`", "`EVENT`, or the JSON array",
            given={"event": '["Signup", "Page View"]'}, cli=swap('["Signup"]', '["Signup", "Page View"]'),
            sent={"query": {"event": '["Signup","Page View"]'}}),
        TYPE, UNIT, FROM_DATE, TO_DATE, FORMAT,
    ],
    "event-counts EVENT",
)  # fmt: skip
VALUES: Final = _query(
    "Get Aggregated Event Property Values", "query.property_values", ["property-values", "E", "PlanType", *DAYS_CLI],
    "events/properties", {"event": "E", "name": "PlanType", **PERIOD},
    "event, name, type=..., unit=..., from_date=..., to_date=...", {**PERIOD, "event": "E", "name": "PlanType"},
    [EVENT, PROPERTY, TYPE, UNIT, FROM_DATE, TO_DATE, FORMAT], "property-values EVENT PROPERTY",
)  # fmt: skip
TODAY: Final = _query(
    "Get Today's Top Events", "query.todays_top_events", ["todays-top-events"], "events/top", {}, "",
    {"type": "general"}, [TYPE, LIMIT, FORMAT], "todays-top-events",
)  # fmt: skip
TOP: Final = _query(
    "Get Top Events (Last 31 Days)", "query.top_events", ["top-events"], "events/names", {}, "", {"type": "general"},
    [TYPE, LIMIT, FORMAT], "top-events",
)  # fmt: skip
TOP_PROPERTIES: Final = _query(
    "Get Top Event Properties", "query.top_properties", ["top-properties", "E"], "events/properties/top",
    {"event": "E"}, "event", {"event": "E"}, [EVENT, LIMIT, FORMAT], "top-properties EVENT",
)  # fmt: skip
TOP_VALUES: Final = _query(
    "Get Top Event Property Values", "query.top_property_values", ["top-property-values", "E", "PlanType"],
    "events/properties/values", {"event": "E", "name": "PlanType"}, "event, name", {"event": "E", "name": "PlanType"},
    [EVENT, PROPERTY, LIMIT, FORMAT], "top-property-values EVENT PROPERTY",
)  # fmt: skip
PROJECTS: Final = Action(
    "Get Projects", "`mp.projects.list()`", "`projects list`", method("projects.list"), {}, ["projects", "list"],
    request("GET", "", "/api/app/me", headers=BY_ACCOUNT),
    [Row("(no input)", "none", "none")],
)  # fmt: skip
DOWNLOAD: Final = Action(
    "Download Mixpanel Data", "`mp.export.events(from_date, to_date)`; into a file: `mp.export.to_file`",
    "`export events PATH`; `-` is standard output", _export, DAYS, ["export", "events", "-", *DAYS_CLI],
    EXPORT_REQUEST, exported(by_event="Event(s) (JSON array)", by_where="Where (Filter Expression)"),
)  # fmt: skip
REPORT: Final = Action(
    "Query Insights Report", "`mp.query.insights(bookmark_id)`", "`query insights REPORT_ID`",
    method("query.insights"), {"bookmark_id": 7}, ["query", "insights", "7"], INSIGHTS_REQUEST, [*SCOPE, BOOKMARK],
)  # fmt: skip
FORM_PROFILES: Final = Action(
    "Query Profiles", "`mp.query.profiles_page(**form_data)`; all pages: `mp.query.profiles`",
    "`query profiles-page`; all pages: `query profiles`", method("query.profiles_page"), {"where": "true"},
    ["query", "profiles-page", "--where", "true"], ENGAGE_REQUEST,
    [
        *SCOPE,
        selection("Form Data: distinct_id", "distinct_id", "user123", ["--distinct-id", "user123"], "user123",
                  "--distinct-id"),
        Row("Form Data: where", "`where`", "`--where`", given={"where": "false"}, cli=swap("true", "false"),
            sent={"body": [("where", "false")]}),
        selection("Form Data: page", "page", 1, ["--session-id", "abc123", "--page", "1"], "1", "--page",
                  ("session_id", "abc123"), needed={"session_id": "abc123"}),
        selection("Form Data: filter_by_cohort", "filter_by_cohort", {"id": 7}, ["--filter-by-cohort", "7"], {"id": 7},
                  "--filter-by-cohort"),
        selection("Form Data: include_all_users", "include_all_users", False, ["--only-profiles"], "false",
                  "--include-all-users/--only-profiles"),
        selection("Form Data: session_id", "session_id", "abc123", ["--session-id", "abc123"], "abc123",
                  "--session-id"),
        selection("Form Data: output_properties", "output_properties", ["$email"], ["--property", "$email"],
                  ["$email"], "--property"),
    ],
)  # fmt: skip
ACTIVITY: Final = _query(
    "Get Profile Event Activity", "query.activity", ["activity", '["user1"]', *DAYS_CLI], "stream/query",
    {"distinct_ids": '["user1"]', **DAYS}, "distinct_ids, from_date, to_date", {**DAYS, "distinct_ids": '["user1"]'},
    [
        Row("Distinct IDs (JSON array)", "`distinct_ids`", "`DISTINCT_ID`, or the JSON array",
            given={"distinct_ids": '["user1", "user2"]'}, cli=swap('["user1"]', '["user1", "user2"]'),
            sent={"query": {"distinct_ids": '["user1","user2"]'}}),
        FROM_DATE, TO_DATE,
    ],
    "activity DISTINCT_ID",
)  # fmt: skip
SENT: Final = {"event": "Button Clicked", "properties": {
    "token": PAGE_TOKEN, "distinct_id": "user@example.com", "action": "Clicked Start Button"}}  # fmt: skip
TRACK: Final = Action(
    "Track Events", "`mp.ingest.track(events)`; batched: `mp.track`", "`track JSON`", method("ingest.track"),
    {"events": PAGE, "token": PAGE_TOKEN}, ["track", PAGE, "--token", PAGE_TOKEN],
    request("POST", "api", "/track", query={"verbose": "1"}, body=[SENT], headers=JSON),
    [Row("Events (Array of Objects)", "`events`", "`JSON`, `@FILE` or `-`", given={"events": OTHER_PAGE},
         cli=swap(PAGE, OTHER_PAGE),
         sent={"body": [SENT, {"event": "Page View", "properties": {"token": PAGE_TOKEN}}]})],
)  # fmt: skip
COHORTS: Final = Action(
    "List Saved Cohorts", "`mp.query.cohorts()`", "`query cohorts`", method("query.cohorts"), {}, ["query", "cohorts"],
    request("POST", "", "/api/query/cohorts/list", query=QUERY,
            headers={**BY_ACCOUNT, "content-type": "application/octet-stream"}), [WORKSPACE],
)  # fmt: skip
ADDRESS: Final = "https://mixpanel.com/api/query/funnels?project_id=1234567&funnel_id=67890"
CUSTOM: Final = Action(
    "Custom Action", "`mp.request(method, url)`", "`request METHOD URL`", method("request"),
    {"method": "GET", "path_or_url": ADDRESS}, ["request", "GET", ADDRESS],
    request("GET", "", "/api/query/funnels", query={"project_id": "1234567", "funnel_id": "67890"}, headers=BY_ACCOUNT),
    [Row("Endpoint (with query parameters)", "`path_or_url`", "`URL`",
         given={"path_or_url": f"{ADDRESS}&from_date=2025-10-01"}, cli=swap(ADDRESS, f"{ADDRESS}&from_date=2025-10-01"),
         sent={"query": {"from_date": "2025-10-01"}})],
)  # fmt: skip

ACTIONS: Final[Sequence[Action]] = [
    PROJECTS, COUNTS, VALUES, TODAY, TOP, TOP_PROPERTIES, TOP_VALUES, DOWNLOAD, REPORT, FORM_PROFILES, ACTIVITY, TRACK,
    COHORTS, CUSTOM,
]  # fmt: skip
