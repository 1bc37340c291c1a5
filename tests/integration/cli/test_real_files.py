"""Real data as programs write it: imported by the command line, exported again, equal in every property."""

import bz2
import csv
import gzip
import io
import json
import lzma
import pathlib
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from tests.integration.cli.conftest import Run

DATA = pathlib.Path(__file__).parents[3] / "examples" / "data"
ROWS = 1500
STRIKES = gzip.decompress((DATA / "birdstrikes.csv.gz").read_bytes()).decode()
MAPPING = (
    "--event", "Bird Strike", "--time-field", "Flight Date", "--time-format", "%Y-%m-%d", "--time-format", "iso",
    "--time-zone", "UTC", "--distinct-id-field", "Airport Name", "--insert-id-hash", "position", "--infer-types",
)  # fmt: skip


def table() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(STRIKES, newline="")))[:ROWS]


def text(delimiter: str = ",") -> str:
    rows = table()
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("strikes/1990.csv", text())
    return file.getvalue()


def by_arrow(path: pathlib.Path) -> None:
    pq.write_table(pa.csv.read_csv(io.BytesIO(text().encode())), path)


def by_pandas(path: pathlib.Path) -> None:
    pd.read_csv(io.StringIO(text()), parse_dates=["Flight Date"], keep_default_na=False).to_parquet(path)


def by_polars(path: pathlib.Path) -> None:
    pl.read_csv(text().encode(), try_parse_dates=True).write_parquet(path)


def by_duckdb(path: pathlib.Path) -> None:
    source = path.with_suffix(".csv")
    source.write_text(text(), encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute(f"COPY (FROM read_csv('{source}', all_varchar = true)) TO '{path}' (FORMAT parquet)")
    source.unlink()


FORMS: Mapping[str, bytes | Callable[[pathlib.Path], None]] = {
    "strikes.csv": text().encode(),
    "semicolons.csv": text(";").encode(),
    "strikes.tsv": text("\t").encode(),
    "utf16.csv": text().encode("utf-16"),
    "marked.csv": text().encode("utf-8-sig"),
    "strikes.csv.gz": gzip.compress(text().encode()),
    "strikes.csv.bz2": bz2.compress(text().encode()),
    "strikes.csv.xz": lzma.compress(text().encode()),
    "strikes.zip": zipped(),
    "arrow.parquet": by_arrow,
    "pandas.parquet": by_pandas,
    "polars.parquet": by_polars,
    "duckdb.parquet": by_duckdb,
}


def expected() -> Counter[str]:
    """Return the events of the file, read without the library."""
    events: Counter[str] = Counter()
    for row in table():
        properties: dict[str, object] = {"day": row.pop("Flight Date"), "distinct_id": row.pop("Airport Name")}
        for name, cell in row.items():
            if cell:
                properties[name] = int(cell) if cell.isdecimal() else cell
        events[json.dumps(properties, sort_keys=True)] += 1
    return events


def exported(lines: bytes) -> Counter[str]:
    events: Counter[str] = Counter()
    for line in lines.splitlines():
        event = json.loads(line)
        properties = event["properties"]
        assert event["event"] == "Bird Strike"
        del properties["$insert_id"], properties["mp_processing_time_ms"]
        properties["day"] = pd.Timestamp(properties.pop("time"), unit="s").strftime("%Y-%m-%d")
        events[json.dumps(properties, sort_keys=True)] += 1
    return events


@pytest.mark.parametrize("name", FORMS)
async def test_what_was_imported_is_exported(run: Run, tmp_path: pathlib.Path, name: str) -> None:
    """Whatever program wrote the file, each of its rows is one event with the same values."""
    form = FORMS[name]
    if isinstance(form, bytes):
        (tmp_path / name).write_bytes(form)
    else:
        form(tmp_path / name)
    ended = await run("import", "events", name, *MAPPING)
    assert ended.status == 0, ended
    assert f"{ROWS:,} read = {ROWS:,} imported" in ended.out
    days = ("--from-date", "1990-01-01", "--to-date", "2003-01-01")
    ended = await run("export", "events", "out.ndjson", *days, env={"MIXPANEL_PROJECT_SECRET": "token"})
    assert ended.status == 0, ended
    assert exported((tmp_path / "out.ndjson").read_bytes()) == expected()


AIRPORTS = DATA / "airports.csv"
READERS: Mapping[str, Callable[[pathlib.Path], object]] = {
    "pyarrow": lambda path: pq.write_table(pa.csv.read_csv(AIRPORTS), path),
    "pandas": lambda path: pd.read_csv(AIRPORTS, keep_default_na=False).to_parquet(path),
    "polars": lambda path: pl.read_csv(AIRPORTS).write_parquet(path),
    "duckdb": lambda path: duckdb.read_csv(str(AIRPORTS)).write_parquet(str(path)),
}


@pytest.mark.parametrize("library", [*READERS, "csv"])
async def test_airports_as_profiles(run: Run, tmp_path: pathlib.Path, library: str) -> None:
    """Each airport is one profile with the same values, coordinates to the last digit, whatever wrote the file."""
    path = AIRPORTS
    if library in READERS:
        path = tmp_path / "airports.parquet"
        READERS[library](path)
    ended = await run("import", "profiles", str(path), "--id-field", "iata", "--infer-types")
    assert ended.status == 0, ended
    with AIRPORTS.open(newline="", encoding="utf-8") as file:
        rows = {row.pop("iata"): row for row in csv.DictReader(file)}
    assert f"{len(rows):,} read = {len(rows):,} imported" in ended.out
    ended = await run("export", "profiles", "out.ndjson", env={"MIXPANEL_PROJECT_SECRET": "token"})
    assert ended.status == 0, ended
    found = {}
    for line in (tmp_path / "out.ndjson").read_bytes().splitlines():
        profile = json.loads(line)
        own = {name: value for name, value in profile["$properties"].items() if name[:1] != "$"}
        found[profile["$distinct_id"]] = own
    coordinates = ("latitude", "longitude")
    assert found == {
        code: {name: float(cell) if name in coordinates else cell for name, cell in row.items() if cell}
        for code, row in rows.items()
    }
