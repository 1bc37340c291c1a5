"""A lake that is kept up to date: late and double events, other columns, crashes; and what may query it."""

import datetime as dt
import json
import pathlib
import random
from collections.abc import Callable, Sequence

import msgspec
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from mixpanel_async import SyncReport, open_lake
from mixpanel_async.errors import InvalidArgumentError, MissingExtraError, OutputError, SourceError
from mixpanel_async.jobs.atomic_write import AtomicFile
from mixpanel_async.jobs.lake.query import _explained, lake_query
from tests.export_server import ExportServer
from tests.virtual_time import FastClock

FIRST = dt.date(2024, 2, 26)
UNIQUE = "SELECT event, time, distinct_id, insert_id, properties::VARCHAR, date FROM events ORDER BY ALL"


class DayClock(FastClock):
    """A clock that tells the time that the test has set; an hour of waiting takes 36 ms."""

    def __init__(self) -> None:
        super().__init__(100_000)
        self.now = day(0)

    def time(self) -> float:
        return self.now.timestamp()


def day(number: int) -> dt.datetime:
    return dt.datetime.combine(FIRST + dt.timedelta(days=number), dt.time(15), dt.UTC)


def name(number: int) -> str:
    return (FIRST + dt.timedelta(days=number)).isoformat()


def line(on: int, number: int, arrived: int = 0, **more: object) -> bytes:
    """Return an event of a day, as the export has it."""
    own = {
        "time": int(day(on).timestamp() * 1000) + number,
        "distinct_id": f"user-{number % 5}",
        "$insert_id": f"id-{on}-{number}",
        "mp_processing_time_ms": int(day(on + arrived).timestamp() * 1000),
        **more,
    }
    return json.dumps({"event": f"E{number % 3}", "properties": own}, separators=(",", ":")).encode()


@pytest.fixture
async def server() -> ExportServer:
    return ExportServer({name(on): [line(on, number, plan=f"p{number}") for number in range(20)] for on in range(4)})


def rows(lake: pathlib.Path, query: str) -> list[tuple[object, ...]]:
    with open_lake(lake) as connection:
        return connection.execute(query).fetchall()


def files(lake: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(lake)): path.read_bytes() for path in lake.rglob("*") if path.is_file()}


async def sync(server: ExportServer, lake: pathlib.Path, *, on: int = 30, columns: Sequence[str] = ()) -> SyncReport:
    clock = DayClock()
    clock.now = day(on)
    async with server.client(clock) as client:
        return await client.export.sync(lake, name(0), name(3), columns=columns)


async def test_ten_syncs_equal_one_big_export(tmp_path: pathlib.Path) -> None:
    """With late, double and corrected events: ten runs, each a day later, have what one export at the end has."""
    chance = random.Random(7)
    server, clock = ExportServer({}), DayClock()
    async with server.client(clock) as client:
        for today in range(1, 11):
            server.days[name(today - 1)] = [line(today - 1, number) for number in range(30)]
            for late in range(max(0, today - 5), today):
                held = list(server.days[name(late)])
                held += [line(late, 100 * today + n, arrived=today - late) for n in range(chance.randrange(4))]
                held += chance.sample(held, 2)  # Mixpanel sends some events twice
                held.append(line(late, chance.randrange(30), arrived=today - late, corrected=today))
                chance.shuffle(held)
                server.days[name(late)] = held
            clock.now = day(today)
            report = await client.export.sync(tmp_path / "lake", name(0))
            assert [file.split("date=")[1][:10] for file in report.files][-1] == name(today - 1)
        requests = len(server.asked)
        clock.now = day(20)
        last = await client.export.sync(tmp_path / "lake", name(0), name(9))
        assert {*last.files} == {*last.refetched} != set()
        await client.export.sync(tmp_path / "big", name(0), name(9))
    assert requests < 10 * 10
    found = rows(tmp_path / "lake", UNIQUE)
    assert found == rows(tmp_path / "big", UNIQUE)
    events = [json.loads(event)["properties"] for lines in server.days.values() for event in lines]
    latest: dict[str, int] = {}
    for event in events:
        latest[event["$insert_id"]] = max(latest.get(event["$insert_id"], 0), event["mp_processing_time_ms"])
    assert {row[3]: json.loads(str(row[4]))["mp_processing_time_ms"] for row in found} == latest
    assert len(found) == len(latest)
    assert rows(tmp_path / "lake", "SELECT count(*) FROM events_raw") == [(len(events),)]


async def test_a_sync_asks_only_for_what_is_not_final(server: ExportServer, tmp_path: pathlib.Path) -> None:
    """A day is exported again until five days after its end, wherever it ends last; each has a folder of its own."""
    assert len((await sync(server, tmp_path, on=5)).files) == 4
    assert {*files(tmp_path)} == {"_manifest.json", *(f"date={name(on)}/events.parquet" for on in range(4))}
    assert len((await sync(server, tmp_path, on=6)).refetched) == 4
    again = await sync(server, tmp_path, on=8)
    assert (len(again.refetched), len(again.skipped)) == (3, 1)
    assert (await sync(server, tmp_path)).skipped == [
        str(tmp_path / f"date={name(on)}/events.parquet") for on in range(3)
    ]
    server.asked.clear()
    assert len((await sync(server, tmp_path, on=31)).skipped) == 4
    assert server.asked == []


async def test_other_columns_need_no_export(server: ExportServer, tmp_path: pathlib.Path) -> None:
    """Days that are there get new columns from their properties: the same files as a new export, without a request."""
    await sync(server, tmp_path / "old")
    server.asked.clear()
    wanted = ["plan", "mp_processing_time_ms:time"]
    report = await sync(server, tmp_path / "old", columns=wanted)
    assert (len(report.rewritten), len(report.skipped), server.asked) == (4, 4, [])
    await sync(server, tmp_path / "new", columns=wanted)
    old, new = files(tmp_path / "old"), files(tmp_path / "new")
    assert old == new
    assert rows(tmp_path / "old", "SELECT plan FROM events ORDER BY plan LIMIT 1") == [("p0",)]
    back = await sync(server, tmp_path / "old")
    assert len(back.rewritten) == 4
    assert "plan" not in pq.read_schema(tmp_path / "old" / f"date={name(0)}" / "events.parquet").names


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that ends the run at its Nth step that others can see, before or after it."""
    left = [-1]
    commit = AtomicFile.commit

    def dying(file: AtomicFile) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        commit(file)
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    monkeypatch.setattr(AtomicFile, "commit", dying)
    return lambda step: left.__setitem__(0, step)


@pytest.mark.parametrize("step", range(1, 26, 2))
async def test_a_killed_sync_is_resumed(
    step: int, kill_at: Callable[[int], None], server: ExportServer, tmp_path: pathlib.Path
) -> None:
    """Killed at any step, while it exports, exports again or rewrites: the next run has the same lake as one alone."""
    steps: tuple[tuple[int, Sequence[str]], ...] = ((4, ()), (5, ()), (6, ("plan",)))
    for on, columns in steps:
        server.days[name(1)] = [*server.days[name(1)], line(1, 200 + on)]
        kill_at(step + on % 2)
        try:
            await sync(server, tmp_path / "lake", on=on, columns=columns)
        except Killed:
            kill_at(-1)
            await sync(server, tmp_path / "lake", on=on, columns=columns)
        kill_at(-1)
    await sync(server, tmp_path / "alone", on=6, columns=("plan",))
    assert rows(tmp_path / "lake", "SELECT * FROM events_raw ORDER BY ALL") == rows(
        tmp_path / "alone", "SELECT * FROM events_raw ORDER BY ALL"
    )
    assert list((tmp_path / "lake").rglob("*.partial")) == []


async def test_wrong_lakes(server: ExportServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each error names the lake and says what to do; nothing is written."""
    with pytest.raises(SourceError, match=r"is not a lake: it has no _manifest\.json"):
        open_lake(tmp_path)
    async with server.client(DayClock()) as client:
        for options, words in (
            ({"columns": ["Event"]}, "a lake has a column 'event' already"),
            ({"columns": ["plan", "Plan:number"]}, "a lake has a column 'plan' already"),
            ({"columns": "plan"}, "is not a list of names"),
            ({"limit": 5}, "unknown option limit"),
        ):
            with pytest.raises(InvalidArgumentError, match=words):
                await client.export.sync(tmp_path / "lake", name(0), name(0), **options)
        with pytest.raises(InvalidArgumentError, match="is not over yet"):
            await client.export.sync(tmp_path / "lake", name(0))
        with pytest.raises(InvalidArgumentError, match="not on this machine"):
            await client.export.sync("s3://bucket/lake", name(0), name(0))
        await client.export.sync(tmp_path / "lake", name(0), name(1))
        with pytest.raises(InvalidArgumentError, match="holds another export: event was not set and is E1"):
            await client.export.sync(tmp_path / "lake", name(0), name(1), event="E1")
        with pytest.raises(InvalidArgumentError, match=r"holds another export: .*format was parquet in a folder"):
            await client.export.to_file(tmp_path / "lake", name(0), name(1), format="parquet")
        await client.export.to_file(f"{tmp_path}/flat/", name(0), name(1), format="parquet")
    with pytest.raises(SourceError, match="its manifest names"):
        open_lake(tmp_path / "flat")
    path = tmp_path / "lake" / f"date={name(0)}" / "events.parquet"
    path.write_bytes(b"PAR1" + b"x" * 50)
    with pytest.raises(SourceError, match=r"cannot read the lake.*run sync-export again"):
        open_lake(tmp_path / "lake")
    with pytest.raises(OutputError, match=r"cannot read.*remove it and sync again"):
        await sync(server, tmp_path / "lake", columns=["plan"])
    path.unlink()
    assert len((await sync(server, tmp_path / "lake", columns=["plan"])).files) == 4
    (tmp_path / "lake" / "_manifest.json").write_bytes(b"{")
    with pytest.raises(SourceError, match="damaged"):
        open_lake(tmp_path / "lake")
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(MissingExtraError, match=r'pip install "mixpanel-async\[lake\]"'), lake_query("x", "SELECT 1"):
        pass


@pytest.fixture
async def lake(server: ExportServer, tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "it's a lake"
    await sync(server, path, columns=["plan"])
    return path


@pytest.mark.parametrize(
    "query",
    [
        "COPY events TO '{}'",
        "WITH x AS (COPY (SELECT 1) TO '{}') FROM x",
        "SELECT 1) TO '{}'; COPY (SELECT 1",
        "SELECT 1; COPY events TO '{}'",
        "EXPLAIN ANALYZE COPY events TO '{}'",
        "EXPORT DATABASE '{}'",
        "ATTACH '{}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM query('COPY events TO ''{}''')",
        "DROP VIEW events",
        "CREATE TABLE x AS SELECT 1",
        "PIVOT events ON event",
        "SELECT nothing FROM events",
        "SELEC 1",
        "",
        "-- nothing",
        "SELECT 'a' || chr(0",
    ],
)
async def test_a_query_only_reads_the_lake(query: str, lake: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Whatever else a query tries is refused with a message, and no file appears or changes."""
    before = files(tmp_path)
    with (
        pytest.raises(InvalidArgumentError, match="the query"),
        lake_query(lake, query.format(tmp_path / "out")) as result,
    ):
        list(result.rows())
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT count(*) AS n FROM events", [(80,)]),
        ("FROM events SELECT plan, date ORDER BY ALL LIMIT 1;  -- the first", [("p0", name(0))]),
        ("WITH x AS (SELECT 1 AS a) SELECT a, a, ';' FROM x", [(1, 1, ";")]),
        ("SELECT 1.5, 2::HUGEINT ** 100, 'x'::BLOB, [DATE '2024-01-01'], {'a': 1}, NULL", None),
        ("SELECT properties->>'$.\"$insert_id\"' FROM events ORDER BY ALL LIMIT 1", [("id-0-0",)]),
        ("SELECT count(*) FROM (DESCRIBE events)", [(8,)]),
        ("SELECT max(time) FROM events", [(f"{name(3)}T15:00:00.019000",)]),
        ("SELECT event FROM events WHERE false", []),
        ("SELECT 0.1, 2.50, 12345678901234567890.12345", [(0.1, 2.5, "12345678901234567890.12345")]),
    ],
)
async def test_a_query_gives_values_of_json(query: str, expected: object, lake: pathlib.Path) -> None:
    """Rows have what JSON has; a name that is there twice gets a number."""
    with lake_query(lake, query) as result:
        found = list(result.rows())
    assert len({*result.columns}) == len(result.columns)
    assert expected is None or found == expected
    assert msgspec.json.encode(found)


async def test_an_interrupt_ends_a_query(lake: pathlib.Path) -> None:
    """What DuckDB raises after an interrupt is an interrupt, and no error of the query."""
    with pytest.raises(KeyboardInterrupt), lake_query(lake, "SELECT 1"):
        raise_as_duckdb_does()


def raise_as_duckdb_does() -> None:
    with _explained():
        raise RuntimeError("Query interrupted")


async def test_an_empty_lake_has_its_tables(tmp_path: pathlib.Path) -> None:
    """Days without events, and a lake without days, are queried as any other."""
    await sync(ExportServer({}), tmp_path)
    assert rows(tmp_path, "SELECT count(*) FROM events") == [(0,)]
    manifest = json.loads((tmp_path / "_manifest.json").read_bytes())
    (tmp_path / "_manifest.json").write_text(json.dumps({**manifest, "days": {}}))
    assert rows(tmp_path, "SELECT count(*) FROM events") == [(0,)]


async def test_what_a_lake_holds_is_imported_again(lake: pathlib.Path, server: ExportServer) -> None:
    """Its files are a source of an import, which gives the events back byte for byte."""
    clock = DayClock()
    clock.now = day(40)
    async with server.client(clock) as client:
        report = await client.import_events(f"{lake}/*/*.parquet")
    assert report.imported == 80
    assert sorted(server.imported) == sorted(event for lines in server.days.values() for event in lines)
