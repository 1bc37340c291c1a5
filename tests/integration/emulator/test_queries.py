import pathlib
import urllib.parse
from collections.abc import Mapping

import pytest

from mixpanel_async.emulator import Emulator, EmulatorSettings
from tests.integration.emulator.api import DAY, NOON, Answer, Api, HandClock, event, exported

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def ask(api: Api, path: str, query: Mapping[str, str | int]) -> Answer:
    return await api.call("GET", f"/api/query/{path}", query={"project_id": 1, **query})


async def engage(api: Api, form: Mapping[str, str | int]) -> Answer:
    body = urllib.parse.urlencode(form).encode()
    return await api.call("POST", "/api/query/engage", query={"project_id": 1}, body=body, headers=FORM)


async def test_where_narrows_an_export(api: Api) -> None:
    """Only events for which the expression is true come out; the limit counts those."""
    await api.import_events([event(number, n=number) for number in range(10)])
    await api.post_json("/engage", {"$token": "t", "$distinct_id": "user-7", "$set": {"plan": "pro"}})
    many = exported(await api.export({"where": 'properties["n"] >= 4', "limit": 3}))
    assert [row["properties"]["n"] for row in many] == [4, 5, 6]
    one = exported(await api.export({"where": 'user["plan"] == "pro" and event["$name"] == "Signed Up"'}))
    assert [row["properties"]["n"] for row in one] == [7]
    assert (await api.export({"where": "properties["})).status == 400


async def test_top_events_count_today_without_duplicates(api: Api) -> None:
    """Amounts are of today, deduplicated, the most frequent first, with the change since yesterday."""
    today = [event(number, name="A") for number in range(3)] + [event(9, name="B")]
    await api.import_events(
        [*today, *today, event(20, name="A", time=NOON - 86_400), event(21, name="A", time=NOON - 86_400)]
    )
    answer = await ask(api, "events/top", {"type": "general"})
    assert answer.json() == {
        "type": "general",
        "events": [
            {"amount": 3, "event": "A", "percent_change": 0.5},
            {"amount": 1, "event": "B", "percent_change": 1},
        ],
    }
    assert len((await ask(api, "events/top", {"type": "general", "limit": 1})).json()["events"]) == 1


async def test_event_names_are_of_a_month(api: Api) -> None:
    """Returns the names of the last 31 days, the most frequent first."""
    await api.import_events(
        [event(0, name="B"), event(1, name="A"), event(2, name="A"), event(3, name="Old", time=NOON - 32 * 86_400)]
    )
    assert (await ask(api, "events/names", {"type": "general"})).json() == ["A", "B"]
    assert (await ask(api, "events/names", {"type": "unique", "limit": 1})).json() == ["A"]


async def test_event_counts_over_days(api: Api) -> None:
    """Returns one count for each event and day; `unique` counts users."""
    await api.import_events([event(0), event(0, time=NOON + 1), event(1, time=NOON - 86_400), event(2, name="Other")])
    query = {"event": '["Signed Up"]', "unit": "day", "from_date": "2025-10-07", "to_date": DAY}
    general = (await ask(api, "events", {**query, "type": "general"})).json()
    unique = (await ask(api, "events", {**query, "type": "unique"})).json()
    assert general == {
        "data": {
            "series": ["2025-10-07", "2025-10-08", "2025-10-09"],
            "values": {"Signed Up": {"2025-10-08": 1, "2025-10-09": 2}},
        },
        "legend_size": 1,
    }
    assert unique["data"]["values"]["Signed Up"][DAY] == 1
    table = await ask(api, "events", {**query, "type": "general", "format": "csv"})
    assert table.text.splitlines() == ["event,2025-10-07,2025-10-08,2025-10-09", "Signed Up,0,1,2"]


@pytest.mark.parametrize(
    ("unit", "series"),
    [
        ("minute", ["2025-10-09 08:59:00", "2025-10-09 09:00:00"]),
        ("hour", ["2025-10-09 08:00:00", "2025-10-09 09:00:00"]),
        ("day", ["2025-10-08", "2025-10-09"]),
        ("week", ["2025-09-29", "2025-10-06"]),
        ("month", ["2025-09-01", "2025-10-01"]),
    ],
)
async def test_intervals_end_now(api: Api, unit: str, series: list[str]) -> None:
    """An interval ends with the current unit, and events are counted in the units of the series."""
    await api.import_events([event(0)])
    query: dict[str, str | int] = {"event": '["Signed Up"]', "unit": unit, "type": "general", "interval": 2}
    data = (await ask(api, "events", query)).json()["data"]
    assert data == {"series": series, "values": {"Signed Up": {series[1]: 1}}}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("events/top", {}),
        ("events/top", {"type": "other"}),
        ("events/names", {"type": "general", "limit": 0}),
        ("events", {"type": "general", "unit": "day", "interval": 2}),
        ("events", {"type": "general", "unit": "year", "interval": 2, "event": "[]"}),
        ("events", {"type": "general", "unit": "minute", "event": "[]", "from_date": "2000-01-01", "to_date": DAY}),
        (
            "events",
            {"type": "general", "unit": "day", "event": "[]", "from_date": "9999-12-31", "to_date": "9999-12-31"},
        ),
        ("engage", {"page": 1}),
        ("engage", {"page": 1, "session_id": "unknown"}),
        ("engage", {"page_size": 0}),
        ("engage", {"where": "("}),
        ("engage", {"behaviors": "[]"}),
        ("engage", {"behaviors": "[]", "filter_by_cohort": "{}"}),
        ("engage", {"output_properties": "name"}),
    ],
)
async def test_wrong_query_parameters_are_400(api: Api, path: str, query: Mapping[str, str | int]) -> None:
    """An invalid parameter gets a 400."""
    assert (await ask(api, path, query)).status == 400


async def test_profiles_come_in_pages_of_one_snapshot(api: Api) -> None:
    """The pages of a session are a snapshot taken at page 0; the last one is shorter than page_size."""
    updates = [{"$token": "t", "$distinct_id": f"u{number}", "$set": {"n": number}} for number in range(5)]
    await api.post_json("/engage", updates)
    first = (await engage(api, {"page_size": 2})).json()
    assert (first["page"], first["page_size"], first["total"], first["status"]) == (0, 2, 5, "ok")
    await api.post_json(
        "/engage", [{"$token": "t", "$distinct_id": "u0", "$delete": ""}, {**updates[4], "$set": {"n": 9}}]
    )
    pages = [first]
    while len(pages[-1]["results"]) == 2:
        following = {"page_size": 2, "session_id": first["session_id"], "page": len(pages)}
        pages.append((await engage(api, following)).json())
    results = [result for page in pages for result in page["results"]]
    assert [(one["$distinct_id"], one["$properties"]["n"]) for one in results] == [(f"u{n}", n) for n in range(5)]


async def test_profiles_can_be_narrowed(api: Api) -> None:
    """Profiles can be filtered by ID, expression and group type, and reduced to some properties."""
    await api.post_json(
        "/engage", [{"$token": "t", "$distinct_id": f"u{n}", "$set": {"n": n, "x": 0}} for n in range(4)]
    )
    await api.post_json("/groups", {"$token": "t", "$group_key": "company", "$group_id": "acme", "$set": {"n": 1}})

    async def found(**form: str) -> list[str]:
        return [result["$distinct_id"] for result in (await engage(api, form)).json()["results"]]

    assert await found(distinct_id="u2") == ["u2"]
    assert await found(distinct_ids='["u1","u3","none"]') == ["u1", "u3"]
    assert await found(where='properties["n"] > 1') == ["u2", "u3"]
    assert await found(data_group_id="company") == ["acme"]
    narrowed = (await engage(api, {"distinct_id": "u1", "output_properties": '["n","m"]'})).json()
    assert narrowed["results"][0]["$properties"] == {"n": 1}


async def test_profiles_have_the_time_of_the_last_update(api: Api, tmp_path: pathlib.Path, clock: HandClock) -> None:
    """`$last_seen` is the `$time` of the last update or its arrival, may be filtered by, and survives a restart."""
    updates: list[dict[str, object]] = [
        {"$distinct_id": "arrival"},
        {"$distinct_id": "given", "$time": NOON - 60},
        {"$distinct_id": "far", "$time": 253_402_300_799_000},
        {"$distinct_id": "beyond", "$time": 10**15},
        {"$distinct_id": "never", "$ignore_time": True},
    ]
    seen = {
        "arrival": "2025-10-09T09:00:00", "given": "2025-10-09T08:59:00", "far": "9999-12-31T23:59:59",
        "beyond": "2025-10-09T09:00:00", "never": None,
    }  # fmt: skip
    settings = EmulatorSettings(data=tmp_path / "data.duckdb")
    for starts in range(2):
        async with Emulator(settings, now=clock.now) as emulator:
            own = Api(emulator, api.session)
            if not starts:
                await own.post_json("/engage", [{"$token": "t", "$set": {"n": 1}, **one} for one in updates])
            found = {one["$distinct_id"]: one["$properties"] for one in (await engage(own, {})).json()["results"]}
            assert {user: properties.get("$last_seen") for user, properties in found.items()} == seen
            where = {"where": 'properties["$last_seen"] < "2025-10-09T09:00:00"'}
            assert [one["$distinct_id"] for one in (await engage(own, where)).json()["results"]] == ["given"]
            assert await emulator.profiles() == {user: {"n": 1} for user in seen}


async def test_queries_per_hour(api: Api) -> None:
    """All queries count against one limit."""
    api.emulator.limits.query_per_hour = 2
    statuses = [(await ask(api, path, {"type": "general"})).status for path in ("events/top", "events/names", "engage")]
    assert statuses == [200, 200, 429]
