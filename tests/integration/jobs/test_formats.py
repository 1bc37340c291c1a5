"""JSON arrays and Parquet, and the same data in every format."""

import csv
import datetime as dt
import gzip
import json
import pathlib
from collections.abc import Callable, Mapping

import orjson
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from mixpanel_async import AsyncMixpanel, RecordMapping, ServiceAccount
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.sources.detection import compression_of, format_of
from tests import ROOT
from tests.records import NOON, event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
AIRPORTS = ROOT / "examples" / "data" / "airports.csv"
STRIKES = ROOT / "examples" / "data" / "birdstrikes.csv.gz"
MAPPING = RecordMapping(
    event="Bird Strike",
    time_field="Flight Date",
    time_format="%Y-%m-%d",
    time_zone="UTC",
    distinct_id_field="Airport Name",
    insert_id_hash="content",
    infer_types=True,
)


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "array"])
@pytest.mark.parametrize("indent", [None, 2])
async def test_json_arrays(emulator: Emulator, mp: AsyncMixpanel, write: Write, name: str, indent: int | None) -> None:
    """A JSON array is read element by element in any layout; an invalid element is reported by number."""
    elements: list[object] = [event(number, text="[{,}]\n\\", inner=[{"a": []}]) for number in range(100)]
    elements[50] = {"event": ""}
    report = await mp.import_events(write(name, json.dumps(elements, indent=indent).encode()))
    assert (report.read, report.imported, report.rejected) == (100, 99, 1)
    assert report.examples[0].position.endswith(f"{name}:51")
    assert len(await emulator.events()) == 99


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[{},", "the JSON array is not closed"), (b"[1]]", "JSON array"), (b"{}[", "not valid JSON")],
)
async def test_broken_arrays(mp: AsyncMixpanel, write: Write, content: bytes, message: str) -> None:
    """A truncated or invalid array is reported, whatever came before it."""
    report = await mp.import_events(write("a.json", content), dry_run=True)
    assert message in (report.error or str(report.examples[0]))
    assert report.exit_status == 1


async def test_an_array_goes_on_from_its_checkpoint(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A finished array is not sent again."""
    path = write("a.json", orjson.dumps([event(number) for number in range(10)]))
    for _ in range(2):
        report = await mp.import_events(path, checkpoint=path.with_name("checkpoint"))
        assert (report.read, report.imported) == (10, 10)
    assert len(emulator.requests) == 1


def table(path: pathlib.Path, rows: list[dict[str, object]]) -> pathlib.Path:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=700)
    return path


async def test_parquet(emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """Rows of Parquet keep their types; nulls are skipped; values that JSON lacks are rejected with their row."""
    rows: list[dict[str, object]] = [
        {"event": "A", "time": dt.datetime.fromtimestamp(NOON + n, dt.UTC), "distinct_id": "u", "$insert_id": f"i{n}",
         "tags": ["x"], "n": n, "none": None, "raw": b"\xff" if n == 3 else None}
        for n in range(5)
    ]  # fmt: skip
    report = await mp.import_events(table(tmp_path / "a.parquet", rows))
    assert (report.read, report.imported, report.rejected) == (5, 4, 1)
    assert report.examples[0].position.endswith("a.parquet:4")
    found = {e["properties"]["$insert_id"]: e["properties"] for e in await emulator.events()}
    assert found["i1"] == {"time": NOON + 1, "distinct_id": "u", "$insert_id": "i1", "tags": ["x"], "n": 1}


async def test_parquet_goes_on_from_its_checkpoint(
    emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """A finished Parquet file is not sent again, and its counts stay."""
    rows = [{"event": "A", "time": NOON, "distinct_id": "u", "$insert_id": f"i{n}"} for n in range(2500)]
    path = table(tmp_path / "a.parquet", rows)
    for _ in range(2):
        report = await mp.import_events(path, checkpoint=tmp_path / "checkpoint")
        assert (report.read, report.imported) == (2500, 2500)
    assert len(await emulator.events()) == 2500


async def test_broken_parquet(mp: AsyncMixpanel, write: Write) -> None:
    """A file that is not Parquet is reported in one line."""
    with pytest.raises(SourceError, match="not a Parquet file"):
        await mp.import_events(write("a.parquet", b"PAR1 no"), dry_run=True)


async def test_one_set_of_data_in_every_format(
    emulator: Emulator, mp: AsyncMixpanel, write: Write, tmp_path: pathlib.Path
) -> None:
    """The bird strikes as CSV, NDJSON, JSON array and Parquet give the same events, $insert_ids included."""
    with gzip.open(STRIKES, "rt", newline="") as file:
        rows: list[dict[str, object]] = [dict(row) for row in csv.DictReader(file)]
    for row in rows:
        for name in ("Cost Other", "Cost Repair", "Cost Total $", "Speed IAS in knots"):
            row[name] = int(str(row[name])) if row[name] else None
    filled = [{name: value for name, value in row.items() if value is not None} for row in rows]
    sources: Mapping[str, pathlib.Path] = {
        "csv": STRIKES,
        "ndjson": write("strikes.ndjson", ndjson(filled)),
        "json": write("strikes.json", orjson.dumps(filled)),
        "parquet": table(tmp_path / "strikes.parquet", rows),
    }
    found = {}
    for name, path in sources.items():
        await emulator.reset()
        report = await mp.import_events(path, mapping=MAPPING)
        assert (report.read, report.imported + report.duplicates, report.rejected) == (10_000, 10_000, 0)
        events = await emulator.deduplicated_events()
        found[name] = sorted(orjson.dumps([e["event"], e["properties"]], option=orjson.OPT_SORT_KEYS) for e in events)
    assert found["csv"] == found["ndjson"] == found["json"] == found["parquet"]
    assert len(found["csv"]) == 9976  # 24 rows equal another one


async def test_airports_as_a_lookup_table(emulator: Emulator) -> None:
    """All airports arrive unchanged from the file, and rows make the same table."""
    content = AIRPORTS.read_bytes()
    rows = list(csv.reader(content.decode().splitlines()))
    account = ServiceAccount("user", "secret")
    async with AsyncMixpanel(credentials=account, project_id=1, base_url=emulator.url) as mp:
        await mp.lookup_tables.replace("path", AIRPORTS)
        await mp.lookup_tables.replace("rows", rows)
    tables = await emulator.lookup_tables()
    assert tables["path"].encode() == content
    assert list(csv.reader(tables["rows"].splitlines())) == rows
    assert len(rows) == 3377


@pytest.mark.parametrize(
    ("name", "head", "form"),
    [
        ("a.csv", b"x", "csv"),
        ("a.TSV.GZ", b"x", "tsv"),
        ("a.json", b" \n[", "json"),
        ("a.json", b"{", "ndjson"),
        ("stdin", b"\xef\xbb\xbf {", "ndjson"),
        ("stdin", b"  [", "json"),
        ("stdin", b"PAR1", "parquet"),
        ("stdin", b"", "ndjson"),
    ],
)
def test_formats_are_found_out(name: str, head: bytes, form: str) -> None:
    """The format is detected from the name, or else from the first bytes."""
    assert format_of(name, head, None) == form
    assert format_of(name, head, "csv") == "csv"


def test_formats_that_cannot_be_found_out() -> None:
    """An unknown format is not guessed: the error lists the formats."""
    with pytest.raises(SourceError, match="ndjson, json, csv, tsv, parquet"):
        format_of("stdin", b"hello", None)
    assert compression_of(b"\x1f\x8b\x08") == "gzip"
    assert compression_of(b"\x28\xb5\x2f\xfd") == "zstd"
    assert compression_of(b"{") == ""
