"""A subcommand for each report, with each of its options."""

import inspect
import json
from typing import Any, NamedTuple

import pytest

from mixpanel_async.actions import Query
from mixpanel_async.cli.commands.query.group import COMMANDS
from tests.integration.actions.server import Script
from tests.integration.cli.conftest import Command
from tests.signatures import argument_names

DAYS = ("--from-date", "2026-08-01", "--to-date", "2026-08-02")
ON_WIRE = {"from_date": "2026-08-01", "to_date": "2026-08-02"}
# The one action whose work another command does: it prints rows while they arrive.
SERVED_BY = {"jql_stream": "jql"}
# The server's options give the project, the environment the credentials.
FROM_ELSEWHERE = {"self", "project_id", "credential"}
# A Python type means nothing on a command line.
ROW_TYPES = {"jql": {"type"}}


def actions() -> list[str]:
    return sorted(name for name, _ in inspect.getmembers(Query, inspect.isfunction) if not name.startswith("_"))


@pytest.mark.parametrize("action", actions())
def test_every_action_has_a_subcommand(action: str) -> None:
    """A report that is added without a subcommand, or an option without one of its own, is noticed."""
    name = SERVED_BY.get(action, action.replace("_", "-"))
    assert name in COMMANDS
    wanted = argument_names(getattr(Query, action)) - FROM_ELSEWHERE
    offered = {parameter.removesuffix("_") for parameter in inspect.signature(COMMANDS[name]).parameters}
    assert wanted - ROW_TYPES.get(name, set()) <= offered


def test_no_subcommand_is_left_over() -> None:
    """A subcommand whose action was taken away is noticed."""
    assert set(COMMANDS) == {SERVED_BY.get(action, action.replace("_", "-")) for action in actions()}


class Case(NamedTuple):
    """A command, the request it makes and the first row it prints."""

    arguments: tuple[str, ...]
    path: str
    sent: dict[str, str]
    row: dict[str, Any]


SEGMENT = {"segment": "pro", "date": "2026-08-01", "value": 3}
DAY = {"date": "2026-08-01", "value": 1.5}
STEP = {"date": "2026-08-01", "segment": None, "step": 1, "count": 32688, "goal": "App Open"}
CASES = [
    Case(
        ("segmentation", "E", *DAYS, "--on", "x", "--where", "w", "--unit", "hour", "--type", "unique", "--limit", "9"),
        "/api/query/segmentation",
        {**ON_WIRE, "event": "E", "on": "x", "where": "w", "unit": "hour", "type": "unique", "limit": "9"},
        SEGMENT,
    ),
    Case(
        ("segmentation", "E", *DAYS, "--interval", "2", "--type", "average", "--workspace-id", "8"),
        "/api/query/segmentation",
        {**ON_WIRE, "interval": "2", "type": "average", "workspace_id": "8"},
        SEGMENT,
    ),
    Case(
        ("segmentation-numeric", "E", *DAYS, "--on", "x", "--where", "w", "--unit", "hour", "--type", "unique"),
        "/api/query/segmentation/numeric",
        {**ON_WIRE, "event": "E", "on": "x", "where": "w", "unit": "hour", "type": "unique"},
        SEGMENT,
    ),
    Case(
        ("segmentation-sum", "E", *DAYS, "--on", "x", "--where", "w", "--unit", "hour"),
        "/api/query/segmentation/sum",
        {**ON_WIRE, "event": "E", "on": "x", "where": "w", "unit": "hour"},
        DAY,
    ),
    Case(
        ("segmentation-average", "E", *DAYS, "--on", "x", "--project-id", "77"),
        "/api/query/segmentation/average",
        {**ON_WIRE, "event": "E", "on": "x", "project_id": "77"},
        DAY,
    ),
    Case(
        ("event-counts", "A", "B", *DAYS, "--unit", "week", "--type", "unique"),
        "/api/query/events",
        {**ON_WIRE, "event": '["A","B"]', "unit": "week", "type": "unique"},
        SEGMENT,
    ),
    Case(
        ("event-counts", "A", "--interval", "3"),
        "/api/query/events",
        {"event": '["A"]', "interval": "3", "unit": "day", "type": "general"},
        SEGMENT,
    ),
    Case(
        ("todays-top-events", "--limit", "5"),
        "/api/query/events/top",
        {"type": "general", "limit": "5"},
        {"event": "funnel", "amount": 2, "percent_change": -0.357},
    ),
    Case(
        ("top-events", "--type", "average", "--limit", "5"),
        "/api/query/events/names",
        {"type": "average", "limit": "5"},
        {"event": "Signed Up"},
    ),
    Case(
        ("property-counts", "E", "plan", *DAYS, "--value", "a", "--value", "b", "--limit", "5"),
        "/api/query/events/properties",
        {**ON_WIRE, "event": "E", "name": "plan", "values": '["a","b"]', "limit": "5"},
        SEGMENT,
    ),
    Case(
        ("property-values", "E", "plan", *DAYS),
        "/api/query/events/properties",
        {**ON_WIRE, "event": "E", "name": "plan"},
        SEGMENT,
    ),
    Case(
        ("top-properties", "E", "--limit", "5"),
        "/api/query/events/properties/top",
        {"event": "E", "limit": "5"},
        {"property": "plan", "count": 5},
    ),
    Case(
        ("top-property-values", "E", "city", "--limit", "5"),
        "/api/query/events/properties/values",
        {"event": "E", "name": "city", "limit": "5"},
        {"value": "Berlin"},
    ),
    Case(
        ("insights", "33"),
        "/api/query/insights",
        {"bookmark_id": "33"},
        {"$event": "Logged in", "date": "2026-08-01", "value": 9852},
    ),
    Case(
        ("funnels", "7", *DAYS, "--length", "2", "--length-unit", "day", "--unit", "week", "--on", "x", "--limit", "3"),
        "/api/query/funnels",
        {**ON_WIRE, "funnel_id": "7", "length": "2", "length_unit": "day", "unit": "week", "on": "x", "limit": "3"},
        STEP,
    ),
    Case(("list-funnels",), "/api/query/funnels/list", {}, {"funnel_id": 7509, "name": "Signup funnel"}),
    Case(
        ("retention", *DAYS, "--born-event", "B", "--event", "E", "--born-where", "w", "--interval-count", "4",
         "--unit", "week", "--unbounded-retention"),
        "/api/query/retention",
        {**ON_WIRE, "born_event": "B", "event": "E", "born_where": "w", "interval_count": "4", "unit": "week",
         "unbounded_retention": "true"},
        {"date": "2026-08-01", "segment": None, "interval": 0, "count": 9, "first": 10},
    ),
    Case(
        ("frequency", *DAYS, "--unit", "week", "--addiction-unit", "day", "--event", "E"),
        "/api/query/retention/addiction",
        {**ON_WIRE, "unit": "week", "addiction_unit": "day", "event": "E"},
        {"date": "2026-08-01", "segment": None, "times": 1, "users": 305},
    ),
    Case(
        ("activity", "u-1", "u-2", *DAYS),
        "/api/query/stream/query",
        {**ON_WIRE, "distinct_ids": '["u-1","u-2"]'},
        {"event": "Game Played", "properties": {"time": 1599589453, "$os": "iOS"}},
    ),
    Case(("cohorts",), "/api/query/cohorts/list", {}, {"id": 1000, "name": "Cohort 1", "count": 150}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.arguments[:2]))
async def test_options_reach_mixpanel_and_rows_come_back(case: Case, inside: Command, mixpanel: Script) -> None:
    """What options say is what is asked for; without a terminal the rows are a JSON array of objects."""
    ended = await inside("query", *case.arguments)
    assert (ended.status, ended.err) == (0, "")
    (seen,) = mixpanel.seen
    assert seen.path == case.path
    assert seen.query.items() >= {"project_id": "1", **case.sent}.items()
    first = json.loads(ended.out)[0]
    assert first.items() >= case.row.items()


def test_the_cases_are_all_commands() -> None:
    """Each report's command is tried, here or with the profiles and JQL."""
    assert {case.arguments[0] for case in CASES} == set(COMMANDS) - {"profiles", "profiles-page", "jql"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("segmentation", "E", *DAYS, "--unit", "day", "--interval", "2"), "unit and interval exclude each other"),
        (("segmentation", "E", *DAYS, "--limit", "0"), "limit is invalid: 0 is outside"),
        (("event-counts", "E"), "give from_date and to_date, or interval"),
        (("retention", *DAYS), "born_event is missing"),
        (("funnels", "7", "--from-date", "soon", "--to-date", "2026-08-02"), "is not a date"),
        (("profiles", "--page", "2"), "page above 0 needs session_id"),
        (("profiles", "--behaviors", "{nonsense"), "--behaviors is invalid: the JSON is malformed"),
        (("jql",), "give either FILE or --script"),
        (("jql", "-", "--script", "x"), "give either FILE or --script"),
        (("cohorts", "--json", "--output", "csv"), "--output and --json exclude each other"),
        (("top-events", "--format", "csv", "--output", "csv"), "--format csv excludes --output and --json"),
        (("cohorts", "--output", "yaml"), "'--output'"),
        (("insights",), "REPORT_ID"),
        (("no-such-report",), "no-such-report"),
    ],
)
async def test_wrong_usage_ends_with_2(
    arguments: tuple[str, ...], words: str, inside: Command, mixpanel: Script
) -> None:
    """Options that contradict each other or make no sense are named on one line, and nothing is sent."""
    ended = await inside("query", *arguments)
    assert (ended.status, ended.out, mixpanel.seen) == (2, "", [])
    assert words in ended.err
    assert ended.err.startswith("mixpanel-async: ")
    assert ended.err.count("\n") == 1
