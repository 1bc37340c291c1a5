import pytest

from tests.integration.emulator.api import DAY, NOON, Api, event, exported

MIDNIGHT = 1_759_968_000  # 2025-10-09T00:00:00Z


async def test_export_gives_every_event_raw(api: Api) -> None:
    """Each event is exported as often as it was accepted, with all its properties."""
    sent = [event(number, plan="prö", n=number, nested={"a": [1, None]}) for number in range(1500)]
    await api.import_events(sent)
    await api.import_events(sent[:10])
    rows = exported(await api.export())
    assert all(row["properties"].pop("mp_processing_time_ms") == NOON * 1000 for row in rows)
    assert rows == sent + sent[:10]


async def test_export_of_nothing_is_an_empty_200(api: Api) -> None:
    """An export without events has an empty body."""
    answer = await api.export()
    assert (answer.status, answer.body) == (200, b"")


async def test_export_days_are_inclusive_and_utc(api: Api) -> None:
    """Both days are exported from their first to their last millisecond."""
    times = [MIDNIGHT * 1000 - 1, MIDNIGHT * 1000, (MIDNIGHT + 86_400) * 1000 - 1, (MIDNIGHT + 86_400) * 1000]
    await api.import_events([event(number, time=time - 86_400_000) for number, time in enumerate(times)])
    rows = exported(await api.export({"from_date": "2025-10-08", "to_date": "2025-10-08"}))
    assert [row["properties"]["distinct_id"] for row in rows] == ["user-1", "user-2"]
    assert len(exported(await api.export({"from_date": "2025-10-07", "to_date": "2025-10-09"}))) == 4


async def test_export_time_is_in_seconds_unless_asked(api: Api) -> None:
    """Times are in seconds, or in milliseconds with time_in_ms, whatever unit was sent."""
    await api.import_events([event(0, time=NOON), event(1, time=NOON * 1000 + 789)])
    assert [row["properties"]["time"] for row in exported(await api.export())] == [NOON, NOON]
    rows = exported(await api.export({"time_in_ms": "true"}))
    assert [row["properties"]["time"] for row in rows] == [NOON * 1000, NOON * 1000 + 789]


async def test_export_can_be_narrowed(api: Api) -> None:
    """An export can be filtered by a JSON array of names and limited in number."""
    await api.import_events([event(number, name="ABC"[number % 3]) for number in range(9)])
    assert [row["event"] for row in exported(await api.export({"event": '["A","C"]'}))] == ["A", "C"] * 3
    assert len(exported(await api.export({"limit": 4}))) == 4
    assert exported(await api.export({"event": '["A"]', "limit": 2}))[-1]["properties"]["$insert_id"] == "id-3"


async def test_export_compresses_when_asked(api: Api) -> None:
    """Above 1400 bytes gzip is used if the client accepts it; the content is the same."""
    await api.import_events([event(number) for number in range(100)])
    plain = await api.export(encoding="identity")
    packed = await api.export()
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.body == packed.body


@pytest.mark.parametrize(
    "query",
    [
        {"from_date": ""},
        {"from_date": "09.10.2025"},
        {"from_date": "2025-10-10"},
        {"limit": 0},
        {"limit": 100_001},
        {"limit": "many"},
        {"event": "Signed Up"},
        {"event": '{"a":1}'},
    ],
)
async def test_wrong_export_parameters_are_400(api: Api, query: dict[str, str | int]) -> None:
    """An invalid parameter gets a 400."""
    assert (await api.export(query)).status == 400


async def test_export_reads_what_was_there_when_it_began(api: Api) -> None:
    """An export is a complete snapshot in the order of arrival, even a large one."""
    for start in range(0, 24_000, 2000):
        await api.import_events([event(number) for number in range(start, start + 2000)])
    rows = exported(await api.export({"from_date": DAY}))
    assert [row["properties"]["$insert_id"] for row in rows] == [f"id-{number}" for number in range(24_000)]
