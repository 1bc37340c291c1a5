"""Saved funnels, Insights reports and cohorts, refusals, and the sessions of profile queries."""

import urllib.parse
from collections.abc import Mapping

import pytest

from mixpanel_async.emulator import state
from mixpanel_async.emulator.queries import reports
from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.routes.engage_query import SESSION_SECONDS
from tests.integration.emulator.api import DAY, NOON, Answer, Api, HandClock, event
from tests.integration.emulator.test_queries import ask, engage

DAYS: Mapping[str, str | int] = {"from_date": DAY, "to_date": DAY}


async def save(api: Api, kind: str, definition: object) -> Answer:
    return await api.post_json(f"/_admin/{kind}", definition)


async def test_a_funnel_is_saved_listed_and_computed(api: Api) -> None:
    """A funnel that was saved over the admin endpoint is listed and computed, as documented."""
    begin, day = NOON - 25 * 86_400, "2025-09-14"
    first = [event(number, "A", time=begin) for number in (1, 2)]
    second = [event(1, "B", time=begin + 90), event(2, "B", time=begin + 20 * 86_400)]
    await api.import_events([*first, *second])
    definition = {"name": "F", "steps": [{"event": "A"}, {"event": "B", "label": "Bee"}]}
    saved = (await save(api, "funnels", definition)).json()
    query = {"funnel_id": saved["funnel_id"], "from_date": day, "to_date": day}
    assert (await ask(api, "funnels/list", {})).json() == [{"funnel_id": saved["funnel_id"], "name": "F"}]
    report = (await ask(api, "funnels", query)).json()
    assert report["meta"] == {"dates": [day]}
    one, two = report["data"][day]["steps"]
    assert (one["count"], one["avg_time"], one["goal"], one["step_conv_ratio"]) == (2, None, "A", 1)
    assert (two["count"], two["avg_time"], two["avg_time_from_start"]) == (1, 90, 90)
    assert (two["step_conv_ratio"], two["overall_conv_ratio"], two["step_label"]) == (0.5, 0.5, "Bee")
    assert report["data"][day]["analysis"] == {"completion": 1, "starting_amount": 2, "steps": 2, "worst": 1}
    longer = await ask(api, "funnels", {**query, "length": 30})
    assert longer.json()["data"][day]["analysis"]["completion"] == 2


async def test_an_insights_report_is_saved_and_computed(api: Api) -> None:
    """Each event has its values by date, with 0 where there is none, and segments with `on`."""
    await api.import_events([event(1, "A", plan="pro"), event(2, "A"), event(1, "B", time=NOON - 86_400)])
    events = [{"event": "A", "type": "unique"}, {"event": "B", "label": "Bee"}]
    plain = (await save(api, "insights", {"name": "I", "events": events, "interval": 2})).json()
    report = (await ask(api, "insights", {"bookmark_id": plain["bookmark_id"]})).json()
    dates = ["2025-10-08T00:00:00+00:00", "2025-10-09T00:00:00+00:00"]
    assert report["headers"] == ["$event"]
    assert report["series"] == {
        "A": dict(zip(dates, (0, 2), strict=True)),
        "Bee": dict(zip(dates, (1, 0), strict=True)),
    }
    assert report["date_range"] == {"from_date": dates[0], "to_date": "2025-10-09T23:59:59.999000+00:00"}
    assert report["computed_at"] == "2025-10-09T09:00:00+00:00"
    by_plan = {"name": "I", "events": [{"event": "A"}], "on": "plan", "from_date": DAY, "to_date": DAY}
    saved = (await save(api, "insights", by_plan)).json()
    report = (await ask(api, "insights", {"bookmark_id": saved["bookmark_id"]})).json()
    assert report["headers"] == ["$event", "plan"]
    assert report["series"] == {"A": {"pro": {dates[1]: 1}, "undefined": {dates[1]: 1}}}


async def test_cohorts_are_listed_and_narrow_profiles(api: Api) -> None:
    """A cohort has the users that match now; IDs without a profile are left out only on request."""
    await api.post_json(
        "/engage",
        [{"$token": "t", "$distinct_id": f"u{n}", "$set": {"plan": "pro" if n else "free"}} for n in range(3)],
    )
    by_where = (await save(api, "cohorts", {"name": "Pro", "where": 'user["plan"] == "pro"'})).json()["id"]
    by_ids = (await save(api, "cohorts", {"name": "Two", "distinct_ids": ["u0", "none"], "is_visible": False})).json()[
        "id"
    ]
    listed = (await api.call("POST", "/api/query/cohorts/list", query={"project_id": 1})).json()
    assert [(one["id"], one["name"], one["count"], one["is_visible"]) for one in listed] == [
        (by_where, "Pro", 2, 1),
        (by_ids, "Two", 2, 0),
    ]
    assert listed[0]["created"] == "2025-10-09 09:00:00"

    async def found(cohort: int, **form: str) -> list[str]:
        answer = await engage(api, {"filter_by_cohort": f'{{"id":{cohort}}}', **form})
        return [one["$distinct_id"] for one in answer.json()["results"]]

    assert await found(by_where) == ["u1", "u2"]
    assert await found(by_ids) == ["none", "u0"]
    assert await found(by_ids, include_all_users="false") == ["u0"]
    assert await found(by_where, where='properties["plan"] == "free"') == []
    as_json = {"filter_by_cohort": f'{{"id":"{by_ids}"}}', "include_all_users": False, "page": 0, "where": None}
    answer = await api.post_json("/api/query/engage", as_json, {"project_id": 1})
    assert [one["$distinct_id"] for one in answer.json()["results"]] == ["u0"]


async def test_a_session_of_a_profile_query_expires(api: Api, clock: HandClock) -> None:
    """Some minutes after page 0 the other pages are refused with advice."""
    await api.post_json("/engage", [{"$token": "t", "$distinct_id": f"u{n}", "$set": {"n": n}} for n in range(3)])
    session = (await engage(api, {"page_size": 1})).json()["session_id"]
    clock.seconds += SESSION_SECONDS - 1
    assert (await engage(api, {"page_size": 1, "page": 1, "session_id": session})).status == 200
    clock.seconds += 1
    late = await engage(api, {"page_size": 1, "page": 2, "session_id": session})
    assert (late.status, late.json()["error"]) == (
        400,
        "session_id is invalid: it is unknown or has expired; start again with page 0",
    )


@pytest.mark.parametrize(
    ("path", "query", "error"),
    [
        ("segmentation", {**DAYS}, "event is missing: give the name of one event"),
        ("segmentation", {"event": "A"}, "from_date is missing: give a day as YYYY-MM-DD"),
        ("segmentation", {"event": "A", **DAYS, "unit": "year"}, "give minute, hour, day, week or month"),
        ("segmentation", {"event": "A", "from_date": "2025-02-30", "to_date": DAY}, "'2025-02-30' is not a day"),
        ("segmentation", {"event": "A", "from_date": "2025-10-10", "to_date": DAY}, "exchange them"),
        ("segmentation", {"event": "A", "from_date": "0001-01-01", "to_date": DAY}, "not in the years 1900 to 2199"),
        ("segmentation", {"event": "A", **DAYS, "where": "("}, "where is invalid: unexpected end"),
        ("segmentation", {"event": "A", **DAYS, "on": "plan["}, "on is invalid"),
        ("segmentation", {"event": "A", **DAYS, "limit": 10_001}, "not a whole number from 1 to 10,000"),
        ("segmentation", {"event": "A", **DAYS, "interval": 2}, 'it needs type "unique" or "average"'),
        ("segmentation", {"event": "A", **DAYS, "format": "xml"}, "give json or csv"),
        ("segmentation/numeric", {"event": "A", **DAYS}, "on is missing"),
        ("segmentation/sum", {"event": "A", **DAYS, "on": "n", "unit": "week"}, "give hour or day"),
        ("segmentation/sum", {"event": "A", **DAYS, "on": "n", "format": "csv"}, "this query has no csv; give json"),
        ("events", {"type": "unique", "unit": "hour", "event": "[]", **DAYS}, "unique users by hour"),
        ("events", {"type": "general", "unit": "day", "event": "[]", "interval": 2, **DAYS}, "excludes from_date"),
        ("events/properties", {"event": "A", "type": "general", "unit": "day", **DAYS}, "name is missing"),
        ("retention", {**DAYS}, "born_event is missing"),
        ("retention", {**DAYS, "born_event": "A", "interval": 91}, "from 1 to 90"),
        ("retention", {**DAYS, "born_event": "A", "unbounded_retention": "maybe"}, "give true or false"),
        ("retention/addiction", {**DAYS, "unit": "day", "addiction_unit": "week"}, "give hour or day"),
        ("stream/query", {**DAYS}, "distinct_ids is missing"),
        ("stream/query", {**DAYS, "distinct_ids": "u1"}, "give one, such as"),
        ("funnels", {**DAYS}, "funnel_id is missing"),
        ("funnels", {**DAYS, "funnel_id": 99}, "save one with POST /_admin/funnels"),
        ("insights", {"bookmark_id": 99}, "save one with POST /_admin/insights"),
        ("engage", {"behaviors": "[]"}, "save a cohort and give filter_by_cohort"),
        ("engage", {"filter_by_cohort": "7"}, 'give {"id": 7}'),
        ("engage", {"filter_by_cohort": '{"id":7}'}, "save one with POST /_admin/cohorts"),
    ],
)
async def test_a_wrong_parameter_is_refused_with_advice(
    api: Api, path: str, query: Mapping[str, str | int], error: str
) -> None:
    """A wrong parameter gets a 400 that names it and says what to do."""
    answer = await ask(api, path, query)
    assert answer.status == 400
    assert error in answer.json()["error"]


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("funnels", {"name": "F"}),
        ("funnels", {"name": "F", "steps": []}),
        ("funnels", {"name": "F", "steps": [{"event": "A", "where": "("}]}),
        ("funnels", {"name": "F", "steps": [{"event": "A"}], "length": 91}),
        ("funnels", {"name": "F", "steps": [{"event": "A"}], "other": 1}),
        ("insights", {"name": "I", "events": []}),
        ("insights", {"name": "I", "events": [{"event": "A"}, {"event": "A"}]}),
        ("insights", {"name": "I", "events": [{"event": "A"}], "from_date": "2025-10-09"}),
        ("cohorts", {"name": "C"}),
        ("cohorts", {"name": "C", "where": "("}),
        ("cohorts", {"name": "C", "where": "true", "distinct_ids": []}),
    ],
)
async def test_a_wrong_definition_is_refused(api: Api, kind: str, definition: object) -> None:
    """What cannot be computed is not saved."""
    assert (await save(api, kind, definition)).status == 400


async def test_jql_is_refused_with_what_to_use(api: Api) -> None:
    """A script gets a 501 that names the queries to use in its place."""
    body = urllib.parse.urlencode({"script": "function main() {}"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await api.call("POST", "/api/query/jql", query={"project_id": 1}, body=body, headers=headers)
    assert answer.status == 501
    assert "use a query that it computes: segmentation" in answer.json()["error"]


async def test_a_query_that_takes_too_long_is_interrupted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time a query ends with a 400, and the server computes the next one."""
    monkeypatch.setattr(state, "QUERY_SECONDS", 0.05)
    with pytest.raises(RefusalError, match=r"the query took longer than 0.05 s; give fewer days"):
        await api.emulator._running().query("SELECT count(*) FROM range(1000000000000) t(i) WHERE i % 7 = 0")
    assert (await ask(api, "segmentation", {"event": "A", **DAYS})).status == 200


async def test_a_reply_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply of too many values is a 400 that says how to make it smaller."""
    await api.import_events([event(number, n=number) for number in range(10)])
    monkeypatch.setattr(reports, "MAX_VALUES", 9)
    answer = await ask(api, "segmentation", {"event": "Signed Up", "on": "n", **DAYS})
    assert answer.status == 400
    assert "give fewer days, a larger unit or a limit" in answer.json()["error"]


async def test_csv_of_a_report(api: Api) -> None:
    """With format=csv a report is a table with one row for each segment."""
    await api.import_events([event(1, plan="a,b"), event(2, plan="c"), event(3, plan="c")])
    query = {"event": "Signed Up", "on": "plan", "format": "csv", **DAYS}
    assert (await ask(api, "segmentation", query)).text.splitlines() == [f"segment,{DAY}", "c,2", '"a,b",1']
    names = await ask(api, "events/names", {"type": "general", "format": "csv"})
    assert names.text.splitlines() == ["event", "Signed Up"]
