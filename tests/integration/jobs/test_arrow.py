"""Parquet as Spark, Athena, Snowflake and pandas write it, and tables in memory."""

import datetime as dt
import decimal
import json
import pathlib
import subprocess
import sys
import uuid
from typing import Any

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from mixpanel_async import AsyncMixpanel, RecordMapping, UpdateMapping
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError, SourceError
from mixpanel_async.jobs.sources.arrow.rows import OnNaN
from tests import ROOT

SECONDS = 1_700_000_000
NANOSECONDS = SECONDS * 10**9
OWN = {
    "event": pa.array(["A", "A"]),
    "time": pa.array([NANOSECONDS, NANOSECONDS + 10**9], pa.timestamp("ns", "UTC")),
    "distinct_id": pa.array([1, 2], pa.decimal128(38, 0)),
    "$insert_id": pa.array(["id-0", "id-1"]),
}
UUID = uuid.UUID(int=2**127 + 5)
COLUMNS: dict[str, tuple[Any, list[object]]] = {
    "map": (pa.array([[("plan", "pro"), ("n", "2")], None], pa.map_(pa.string(), pa.string())),
            [{"plan": "pro", "n": "2"}, None]),
    "map of numbers": (pa.array([[(1, 2.5)], []], pa.map_(pa.int64(), pa.float64())), [{"1": 2.5}, {}]),
    "list of maps": (pa.array([[[("k", "v")]], [None, []]], pa.list_(pa.map_(pa.string(), pa.string()))),
                     [[{"k": "v"}], [None, {}]]),
    "list of structs": (pa.array([[{"a": 1}], None], pa.list_(pa.struct([("a", pa.int32())]))), [[{"a": 1}], None]),
    "nested": (pa.array([{"at": NANOSECONDS, "raw": b"x", "for": 1500}, None],
                        pa.struct([("at", pa.timestamp("ns")), ("raw", pa.binary()), ("for", pa.duration("ms"))])),
               [{"at": "2023-11-14T22:13:20", "raw": "x", "for": 1.5}, None]),
    "ns": (pa.array([NANOSECONDS + 123456789, None], pa.timestamp("ns", "UTC")),
           ["2023-11-14T22:13:20.123456789+00:00", None]),
    "ns whole": (pa.array([NANOSECONDS, None], pa.timestamp("ns")), ["2023-11-14T22:13:20", None]),
    "us": (pa.array([SECONDS * 10**6, None], pa.timestamp("us")), ["2023-11-14T22:13:20", None]),
    "ms": (pa.array([SECONDS * 1000, None], pa.timestamp("ms", "UTC")), ["2023-11-14T22:13:20+00:00", None]),
    "s": (pa.array([SECONDS, None], pa.timestamp("s", "Europe/Berlin")), ["2023-11-14T23:13:20+01:00", None]),
    "date": (pa.array([0, None], pa.date32()), ["1970-01-01", None]),
    "time of day": (pa.array([3_600_000_000_000, None], pa.time64("ns")), ["01:00:00", None]),
    "binary": (pa.array([b"caf\xc3\xa9", None], pa.binary()), ["café", None]),
    "large binary": (pa.array([b"x", None], pa.large_binary()), ["x", None]),
    "dictionary": (pa.array([b"x", None], pa.binary()).dictionary_encode(), ["x", None]),
    "uuid": (pa.array([UUID.bytes, None], pa.uuid()), [str(UUID), None]),
    "duration": (pa.array([90_000_000_000, 1], pa.duration("ns")), [90, 1e-9]),
    "decimal": (pa.array([decimal.Decimal("2.00"), decimal.Decimal("0.10")], pa.decimal128(38, 2)), [2, 0.1]),
    "large decimal": (pa.array([decimal.Decimal(2) ** 70, None], pa.decimal256(60, 0)), [2**70, None]),
    "ns before 1970": (pa.array([-1, -NANOSECONDS], pa.timestamp("ns")),
                       ["1969-12-31T23:59:59.999999999", "1916-02-18T01:46:40"]),
    "ns in lists": (pa.array([[NANOSECONDS + 1, -1], None], pa.list_(pa.timestamp("ns", "Europe/Berlin"))),
                    [["2023-11-14T23:13:20.000000001+01:00", "1970-01-01T00:59:59.999999999+01:00"], None]),
    "ns in maps": (pa.array([[("a", NANOSECONDS + 999)], None], pa.map_(pa.string(), pa.timestamp("ns"))),
                   [{"a": "2023-11-14T22:13:20.000000999"}, None]),
    "ns in a dictionary": (pa.array([NANOSECONDS + 1, None], pa.timestamp("ns")).dictionary_encode(),
                           ["2023-11-14T22:13:20.000000001", None]),
    "ns of a day": (pa.array([1, 86_399_999_999_999], pa.time64("ns")), ["00:00:00.000000001", "23:59:59.999999999"]),
    "half": (pa.array([1.5, None], pa.float16()), [1.5, None]),
    "unsigned": (pa.array([2**64 - 1, None], pa.uint64()), [2**64 - 1, None]),
}  # fmt: skip


async def sent(emulator: Emulator) -> list[dict[str, Any]]:
    found = [one["properties"] for one in await emulator.events()]
    return sorted(found, key=lambda one: str(one["$insert_id"]))


@pytest.mark.parametrize("name", COLUMNS)
async def test_types_of_columns(emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path, name: str) -> None:
    """Each type arrives as the JSON that means the same, from a file and from a table in memory."""
    column, values = COLUMNS[name]
    table = pa.table({**OWN, "x": column})
    pq.write_table(table, tmp_path / "a.parquet", store_schema=True)
    for source in (tmp_path / "a.parquet", table):
        await emulator.reset()
        report = await mp.import_events(source)
        assert (report.read, report.imported) == (2, 2), report.examples
        events = await sent(emulator)
        assert [one["distinct_id"] for one in events] == ["1", "2"]
        assert [one["time"] for one in events] == [SECONDS, SECONDS + 1]
        assert [one.get("x") for one in events] == values


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([b"\xff\x00", b"a"], pa.binary()), "ff00"),
        (pa.array([UUID.bytes] * 2, pa.binary(16)), UUID.hex),
        (pa.array([253402300800 * 10**6] * 2, pa.timestamp("us")), None),
        (pa.array([[("a", 1), ("a", 2)]] * 2, pa.map_(pa.string(), pa.int64())), None),
        (pa.array([pa.MonthDayNano([1, 2, 3])] * 2), None),
        (pa.array([float("inf")] * 2), "inf"),
    ],
)
async def test_values_without_json(emulator: Emulator, mp: AsyncMixpanel, column: object, text: str | None) -> None:
    """A value that JSON has no place for rejects its row and names its column; it can be dropped, or made text."""
    table = pa.table({**OWN, "x": column})
    report = await mp.import_events(table)
    assert report.read == 2
    assert report.rejected >= 1
    assert report.examples[0].field.endswith("x")
    assert "UnreadableValue" not in report.examples[0].message
    await emulator.reset()
    assert (await mp.import_events(table, mapping=RecordMapping(drop=frozenset({"x"})))).imported == 2
    if text is not None:
        await emulator.reset()
        assert (await mp.import_events(table, mapping=RecordMapping(types={"x": "string"}))).imported == 2
        assert (await sent(emulator))[0]["x"] == text


@pytest.mark.parametrize("expected", [("reject", 1, 1.5), ("drop", 2, "none"), ("null", 2, None)])
async def test_nan(
    emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path, expected: tuple[OnNaN, int, object]
) -> None:
    """A cell that is NaN rejects its row, is dropped, or becomes null, as the option says."""
    nan, imported, value = expected
    table = pa.table({**OWN, "x": pa.array([float("nan"), 1.5])})
    pq.write_table(table, tmp_path / "a.parquet")
    for source in (tmp_path / "a.parquet", table):
        await emulator.reset()
        report = await mp.import_events(source, nan=nan)
        assert (report.read, report.imported) == (2, imported)
        events = await sent(emulator)
        assert events[0].get("x", "none") == value
    with pytest.raises(InvalidArgumentError, match="nan is invalid"):
        await mp.import_events(table, nan="x")  # type: ignore[arg-type]


def sources() -> dict[str, Any]:
    table = pa.table({**OWN, "n": pa.array([1, None])})
    found = {
        "table": table,
        "batch": table.to_batches()[0],
        "reader": pa.RecordBatchReader.from_batches(table.schema, table.to_batches()),
    }
    duckdb = pytest.importorskip("duckdb")
    found["duckdb"] = duckdb.sql(
        "select 'A' as event, to_timestamp(1700000000 + n) as time, n + 1 as distinct_id, "
        "'id-' || n as \"$insert_id\", if(n = 0, 1, null) as n from range(2) t(n)"
    )
    return found


@pytest.mark.parametrize("kind", ["table", "batch", "reader", "duckdb"])
async def test_tables_in_memory(emulator: Emulator, mp: AsyncMixpanel, kind: str) -> None:
    """Tables, batches, readers and relations are sources; a null is a missing value."""
    report = await mp.import_events(sources()[kind])
    assert (report.read, report.imported) == (2, 2), report.examples
    assert [one.get("n") for one in await sent(emulator)] == [1, None]


@pytest.mark.parametrize("library", ["pandas", "polars"])
async def test_data_frames(emulator: Emulator, mp: AsyncMixpanel, library: str) -> None:
    """Data frames are sources; their missing values stay missing, and the row numbers of pandas are not a column."""
    module = pytest.importorskip(library)
    frame = module.DataFrame(
        {
            "event": ["A", "A"],
            "time": [dt.datetime.fromtimestamp(SECONDS + n, dt.UTC) for n in range(2)],
            "distinct_id": ["1", "2"],
            "$insert_id": ["id-0", "id-1"],
            "n": [1.5, None],
        }
    )
    if library == "pandas":
        frame.index = [7, 9]
    report = await mp.import_events(frame)
    assert (report.read, report.imported) == (2, 2), report.examples
    events = await sent(emulator)
    assert [one.get("n") for one in events] == [1.5, None]
    assert {name for one in events for name in one} == {"time", "distinct_id", "$insert_id", "n"}


async def test_profiles_of_a_table(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """Rows of a table in memory update profiles."""
    table = pa.table({"id": ["ann"], "m": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))})
    report = await mp.import_profiles(table, mapping=UpdateMapping(id_field="id"))
    assert report.imported == 1
    assert await emulator.profiles() == {"ann": {"m": {"a": 1}}}


async def test_what_is_refused(mp: AsyncMixpanel) -> None:
    """Options of files, checkpoints and tables without the columns are refused before anything is sent."""
    table = pa.table(OWN)
    with pytest.raises(InvalidArgumentError, match="omit encoding"):
        await mp.import_events(table, encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="checkpoint is invalid"):
        await mp.import_events(table, checkpoint="c")
    with pytest.raises(InvalidArgumentError, match="no column"):
        await mp.import_events(table.drop_columns(["time"]))
    with pytest.raises(InvalidArgumentError, match="duplicate column"):
        await mp.import_events(pa.Table.from_arrays([*OWN.values()] * 2, [*OWN] * 2))
    with pytest.raises(SourceError, match="collect"):
        await mp.import_events(pl.DataFrame({"a": [1]}).lazy(), nan="drop")  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="cannot read rows from a"):
        await mp.import_events(pa.array([1]))


async def test_a_date_beyond_python_in_a_file(tmp_path: pathlib.Path) -> None:
    """A date after the year 9999 rejects its row alone, although the file has it in its statistics as well."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({**OWN, "far": pa.array([10**18, 0], pa.timestamp("us"))}), path)
    async with AsyncMixpanel("token") as mp:
        report = await mp.import_events(path, dry_run=True)
    assert (report.read, report.skipped, report.rejected) == (2, 1, 1)


def test_the_same_without_pandas(tmp_path: pathlib.Path) -> None:
    """Where pandas is not installed, nanoseconds are read all the same."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({**OWN, "ns": COLUMNS["ns"][0], "nested": COLUMNS["nested"][0]}), path)
    code = (
        "import sys\n"
        "class NoPandas:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.partition('.')[0] == 'pandas': raise ImportError(name)\n"
        "sys.meta_path.insert(0, NoPandas())\n"
        "import asyncio, json; from mixpanel_async import AsyncMixpanel\n"
        "async def main():\n"
        "    async with AsyncMixpanel('t') as mp:\n"
        f"        report = await mp.import_events({str(path)!r}, dry_run=True)\n"
        "        print(json.dumps([report.read, report.skipped, report.rejected]))\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert json.loads(done.stdout) == [2, 2, 0]
