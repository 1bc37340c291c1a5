"""Formats of outputs, columns of tables, days and manifests: everything about an export that is decided without I/O."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.manifest import Contents, DayEntry, Manifest, is_kept, read_manifest
from mixpanel_async.jobs.exports.outputs.columns import FITTED, Column, read_columns
from mixpanel_async.jobs.exports.outputs.formats import kind_of, kind_of_file
from mixpanel_async.jobs.exports.ranges import days_between, end_of, is_final, is_over, read_timezone

DAY = dt.date(2026, 3, 1)
WANTED = Contents(project="1", server="https://data.mixpanel.com", event=("A",), format="parquet")


@pytest.mark.parametrize(
    ("path", "declared", "name"),
    [
        ("a.ndjson", None, "ndjson"),
        ("a.b.JSONL", None, "ndjson"),
        ("a.ndjson.gz", None, "ndjson.gz"),
        ("a.csv.zst", None, "csv.zst"),
        ("dir.csv/a.parquet", None, "parquet"),
        ("s3://bucket/a.csv?versionId=1.ndjson", None, "csv"),
        ("a.txt", "csv", "csv"),
        ("a", "parquet", "parquet"),
        ("a.gz", "csv", "csv.gz"),
        ("a.ndjson.gz", "csv.zst", "csv.zst"),
        ("a.gz", "parquet", "parquet"),
    ],
)
def test_the_name_chooses_the_format(path: str, declared: str | None, name: str) -> None:
    """The suffix says the format and the compression; a format that the caller names overrides it."""
    assert kind_of_file(path, declared).name == name


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("a.parquet.gz", "Parquet compresses inside the file; omit .gz"),
        ("a.parquet.zst", "omit .zst"),
        ("a.txt", "does not say which format"),
        ("a", "a directory ends in a slash"),
        (".csv", "does not say which format"),
        ("a.json", "does not say which format"),
    ],
)
def test_a_name_without_a_format_is_refused(path: str, words: str) -> None:
    """A suffix that is not known, or that Parquet does not take, is refused with what to do."""
    with pytest.raises(InvalidArgumentError, match=words):
        kind_of_file(path, None)


def test_an_unknown_format_is_refused() -> None:
    """The error lists the formats."""
    with pytest.raises(InvalidArgumentError, match=r"'xlsx' is unknown; choose one of ndjson, .*csv\.zst, parquet"):
        kind_of("xlsx")


def test_columns_are_read() -> None:
    """A colon belongs to the name unless a type follows it."""
    found = read_columns(["plan", "price:number", "a:b", "c:d:time"])
    assert found == (Column("plan"), Column("price", "number"), Column("a:b"), Column("c:d", "time"))


@pytest.mark.parametrize("given", [["event"], ["a", "a:number"], [""], [":number"], ["properties:string"], "plan"])
def test_columns_that_cannot_be(given: list[str]) -> None:
    """A name that is empty or there already is refused, and so is text in place of a list."""
    with pytest.raises(InvalidArgumentError, match="columns is invalid"):
        read_columns(given)


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("string", "x", "x"),
        ("string", 1, None),
        ("number", 1, 1.0),
        ("number", True, None),
        ("number", 10**400, None),
        ("integer", 3.0, 3),
        ("integer", 3.5, None),
        ("integer", float("inf"), None),
        ("integer", 2**63, None),
        ("integer", -(2**63), -(2**63)),
        ("boolean", False, False),
        ("boolean", 0, None),
        ("time", 1_700_000_000, 1_700_000_000_000),
        ("time", 1_700_000_000_123, 1_700_000_000_123),
        ("time", "2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("time", "2023-11-14", 1_699_920_000_000),
        ("time", "soon", None),
        ("time", 1e300, None),
        ("time", [], None),
    ],
)
def test_a_value_fits_its_column_or_is_null(kind: str, value: object, cell: object) -> None:
    """A value of another type, or out of range, is null in a typed column."""
    assert FITTED[kind](value) == cell  # type: ignore[index]


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_no_value_breaks_a_column(value: object) -> None:
    """Whatever a property is, a column takes it or holds null."""
    for kind, fit in FITTED.items():
        found = fit(value)
        assert found is None or type(found) in {str, float, int, bool}, kind


def test_a_day_is_over_when_it_is_over_in_the_zone() -> None:
    """Without a zone, a day is over when it is over everywhere; with one, the change of clocks counts."""
    assert end_of(DAY, read_timezone(None)) == dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    assert end_of(DAY, read_timezone("Europe/Berlin")) == dt.datetime(2026, 3, 1, 23, tzinfo=dt.UTC)
    assert end_of(dt.date(2026, 3, 29), read_timezone("Europe/Berlin")) == dt.datetime(2026, 3, 29, 22, tzinfo=dt.UTC)
    assert not is_over(DAY, dt.datetime(2026, 3, 2, 11, 59, tzinfo=dt.UTC), read_timezone(None))
    assert is_over(DAY, dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC), read_timezone(None))
    assert not is_over(dt.date.max, dt.datetime.max.replace(microsecond=0, tzinfo=dt.UTC), read_timezone(None))


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "/etc/passwd", "../x", "\0"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    """The error names the zone."""
    with pytest.raises(InvalidArgumentError, match="timezone is invalid"):
        read_timezone(name)


def test_days_of_a_range() -> None:
    """Both ends belong to the range."""
    assert days_between("2026-02-27", "2026-03-01") == [dt.date(2026, 2, 27), dt.date(2026, 2, 28), DAY]


@given(hours=st.integers(-48, 400), lookback=st.integers(0, 10))
def test_a_day_stays_only_if_late_events_are_in(hours: int, lookback: int) -> None:
    """A file stays exactly if it was exported the lookback after the end of its day, and is the one of the manifest."""
    zone = dt.UTC
    at = end_of(DAY, zone) + dt.timedelta(hours=hours)
    entry = DayEntry(file="a", rows=1, bytes=10, sha256="", exported_at=at, is_over=True)
    assert is_final(DAY, at, zone, lookback) == (hours >= 24 * lookback)
    assert is_kept(entry, DAY, "a", 10, zone, lookback) == (hours >= 24 * lookback)
    assert not is_kept(entry, DAY, "a", 11, zone, 0)
    assert not is_kept(entry, DAY, "a", None, zone, 0)
    assert not is_kept(entry, DAY, "b", 10, zone, 0)
    assert not is_kept(None, DAY, "a", 10, zone, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"project": "2"}, "project was 1 and is 2"),
        ({"server": "http://localhost"}, "server was https://data.mixpanel.com and is http://localhost"),
        ({"event": ()}, "event was A and is not set"),
        ({"where": "x"}, "where was not set and is x"),
        ({"limit": 5}, "limit was not set and is 5"),
        ({"time_in_ms": True}, "time_in_ms was False and is True"),
        ({"format": "csv"}, "format was parquet and is csv"),
        ({"columns": ("a:string", "b:time")}, "columns was not set and is a:string, b:time"),
    ],
)
def test_a_directory_of_another_export_is_refused(change: dict[str, object], words: str) -> None:
    """The error names every change, and what to do."""
    text = Manifest(contents=WANTED).encode()
    assert read_manifest("d", text, (), WANTED).contents == WANTED
    with pytest.raises(InvalidArgumentError, match=words) as caught:
        read_manifest("d", text, (), msgspec.structs.replace(WANTED, **change))
    assert "name another directory" in str(caught.value)


def test_days_without_a_manifest_are_refused() -> None:
    """Files of days that nothing is known about are not adopted; other files do not matter."""
    assert read_manifest("d", None, [".gitkeep", "notes.txt"], WANTED).days == {}
    with pytest.raises(InvalidArgumentError, match=r"has 2026-01-01\.ndjson but no _manifest\.json"):
        read_manifest("d", None, ["2026-01-01.ndjson"], WANTED)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"\xff", b'{"version":2}'])
def test_a_manifest_that_cannot_be_read(text: bytes) -> None:
    """A damaged manifest, or one of a newer version, is refused and not replaced."""
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        read_manifest("d", text, (), WANTED)


def test_a_manifest_is_the_same_after_reading() -> None:
    """Days are sorted, and nothing is lost."""
    at = dt.datetime(2026, 3, 9, 1, 2, 3, tzinfo=dt.UTC)
    entry = DayEntry(file="2026-03-01.parquet", rows=1, bytes=10, sha256="ab", exported_at=at, is_over=True)
    manifest = (
        Manifest(contents=WANTED, timezone="Asia/Tokyo").with_day("2026-03-02", entry).with_day("2026-03-01", entry)
    )
    read = read_manifest("d", manifest.encode(), (), WANTED)
    assert read == manifest
    assert list(read.days) == ["2026-03-01", "2026-03-02"]
    assert list(read.without("2026-03-01").days) == ["2026-03-02"]
