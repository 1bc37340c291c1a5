"""CSV, cells, times and mappings, each as a pure part."""

import csv
import datetime as dt
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixpanel_async import RecordMapping
from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.jobs.mapping.cleaning import RecordSkippedError
from mixpanel_async.jobs.mapping.coercion import infer_cell, read_cell
from mixpanel_async.jobs.mapping.mapper import EventMapper
from mixpanel_async.jobs.mapping.timestamps import TimeReader
from mixpanel_async.jobs.sources.csv import CsvParser

cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def read_all(content: bytes) -> tuple[list[dict[str, object]], list[int], list[int]]:
    """Return the rows of a table, their numbers, and the numbers of what is no row."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = CsvParser("file", text, ",")
    reader.read_header()
    rows: list[dict[str, object]] = []
    numbers: list[int] = []
    rejects: list[int] = []
    while True:
        found = reader.read()
        rows += [dict(row) for row in found.rows]
        numbers += found.numbers
        rejects += [reject.number for reject in found.rejects]
        if found.is_end:
            return rows, numbers, rejects


@given(st.lists(st.tuples(cells, cells, cells), max_size=20))
@settings(deadline=None)
def test_any_table(table: list[tuple[str, str, str]]) -> None:
    """Whatever the cells hold, quotes, commas and line ends included: the rows come back as they were written."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("a", "b", "c"), *table])
    rows, numbers, rejects = read_all(file.getvalue().encode())
    assert [tuple(row.values()) for row in rows] == table
    assert numbers == sorted(numbers)
    assert not rejects


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"")), max_size=10))
@settings(deadline=None)
def test_any_bytes(lines: list[bytes]) -> None:
    """Whatever the bytes: nothing is raised, and every line that holds something is in a row or a reject."""
    rows, numbers, rejects = read_all(b"a,b\n" + b"\n".join(lines))
    filled = sum(1 for line in lines if line)
    assert len(rows) == len(numbers)
    if not any(b'"' in line for line in lines):
        assert len(rows) + len(rejects) == filled


def test_a_quote_that_is_never_closed_swallows_little() -> None:
    """A quote that is never closed costs the rows up to the longest cell, reported as one; then reading goes on."""
    good = [b"%d,%s" % (number, b"x" * 1000) for number in range(1000)]
    rows, _, rejects = read_all(b"a,b\n" + b"\n".join([*good[:10], b'"open,1', *good[10:]]))
    assert rejects == [12]
    assert 800 < len(rows) < 1000


def test_a_table_that_is_none_is_read_in_pieces() -> None:
    """Rows that break the table fill a chunk as good ones do, so that a table of nothing else fits into the memory."""
    content = "a,b\n" + '"x"y,1\n' * 2500 + "1,2\n" + '"x"y,1\n' * 999
    reader = CsvParser("name", io.StringIO(content), ",")
    reader.read_header()
    sizes, numbers = [], []
    while True:
        found = reader.read()
        sizes.append(len(found.rejects) + len(found.rows))
        numbers += [*found.numbers, *(reject.number for reject in found.rejects)]
        if found.is_end:
            break
    assert sizes == [1000, 1000, 1000, 500]
    assert sorted(numbers) == list(range(2, 3502))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("-5", -5), ("0", 0), ("1.5", 1.5), ("-0.25", -0.25), ("1e3", 1000.0), ("true", True),
        ("FALSE", False), ("007", "007"), ("+49", "+49"), ("-0", "-0"), ("1e400", "1e400"), ("12a", "12a"),
        ("1_000", "1_000"), ("٣", "٣"), ("123456789012345678", 123456789012345678),
        ("1234567890123456789", "1234567890123456789"), ("nan", "nan"), ("Infinity", "Infinity"), ("-", "-"),
    ],
)  # fmt: skip
def test_cells_are_what_they_look_like(text: str, value: object) -> None:
    """Only plain numbers and booleans are inferred; codes, and what a number could not hold, stay text."""
    found = infer_cell(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "x"),
        ("int", "1.5"),
        ("int", str(2**64)),
        ("float", "nan"),
        ("float", "inf"),
        ("number", ""),
        ("bool", "1"),
    ],
)
def test_cells_that_are_not_what_they_are_said_to_be(kind: str, text: str) -> None:
    """A cell that is not of its type is refused; nothing becomes null or 0."""
    with pytest.raises(InvalidRecordError, match=kind):
        read_cell(text, kind, "field")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "zone", "value", "moment"),
    [
        (None, None, "1700000000", 1_700_000_000),
        (None, None, 1_700_000_000_123, 1_700_000_000_123),
        (None, None, "2023-11-14T22:13:20Z", 1_700_000_000),
        (None, None, "2023-11-14T23:13:20.5+01:00", 1_700_000_000_500),
        (None, "UTC", dt.datetime(2023, 11, 14, 22, 13, 20), 1_700_000_000),  # noqa: DTZ001 - the zone is told
        (None, "UTC", dt.date(2023, 11, 14), 1_699_920_000),
        ("s", None, "1700000000.25", 1_700_000_000_250),
        ("ms", None, "1700000000000", 1_700_000_000),
        ("us", None, 1_700_000_000_123_000, 1_700_000_000_123),
        ("ms", None, 40_000_000_000, 40_000_000),
        ("%d.%m.%Y %H:%M", "Europe/Berlin", "14.11.2023 23:13", 1_699_999_980),
        ("%Y-%m-%d", "America/New_York", "2023-07-01", 1_688_184_000),
        # Beyond 2969 whole seconds are as large as milliseconds of 1971: the milliseconds stay.
        (None, None, "9999-12-31T00:00:00Z", 253_402_214_400_000),
        (None, None, "2969-05-03T00:00:00Z", 31_536_000_000_000),
        (None, None, "2969-05-02T23:59:59Z", 31_535_999_999),
        ("s", None, "253402214400", 253_402_214_400_000),
    ],
)
def test_times(form: str | None, zone: str | None, value: object, moment: int) -> None:
    """Times become seconds where they are whole, else milliseconds, in whatever form and zone they come."""
    assert TimeReader(form, zone).read(value) == moment


@pytest.mark.parametrize(
    ("form", "value", "message"),
    [
        (None, "yesterday", "is not a time"), (None, True, "must be a time"), (None, float("nan"), "is no time"),
        ("%Y", "14.11.2023", "of the form %Y"), ("s", "x", "seconds since 1970"), ("iso", 5, "of the form iso"),
        (None, "2023-11-14T22:13:20", "has no zone"), ("ms", 1000, "before 1971"), ("s", "1e400", "seconds since 1970"),
        ("%Y-%m-%d", "1960-01-01", "has no zone"), (None, "1" + "0" * 400, "is not a time"),
        pytest.param(None, 10**5000, "no time", id="huge"), ("us", "1" + "0" * 330, "is not microseconds"),
        ("s", 10**400, "no time"), ("s", 1e306, "no time"), ("s", 1e300, "no time"),
        (None, "1" + "0" * 5000, "is not a time"), (None, 1e300, "no time"), (None, 1_209_600.5, "before 1971"),
    ],
)  # fmt: skip
def test_times_that_are_none(form: str | None, value: object, message: str) -> None:
    """A time that cannot be read, or whose zone nobody told, is refused; nothing is stamped with now."""
    with pytest.raises(InvalidRecordError, match=message):
        TimeReader(form, None).read(value)


class _NoTime(dt.datetime):
    """What data frames have where there is no time."""

    def timestamp(self) -> float:
        return float("nan")


def test_a_time_that_is_missing_in_a_frame() -> None:
    """A datetime that says that it is none is refused, and ends no import."""
    with pytest.raises(InvalidRecordError, match="is no time"):
        TimeReader(None, "UTC").read(_NoTime(2024, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(InvalidRecordError, match="is no time"):
        EventMapper(RecordMapping()).event({"event": "A", "time": _NoTime(2024, 1, 1, tzinfo=dt.UTC)}, 1)


def test_mapping_of_events() -> None:
    """Records that are events already are mapped by their properties."""
    mapper = EventMapper(RecordMapping(rename={"a": "b"}, drop=frozenset({"c"}), constants={"d": 4}))
    own = {"time": 1_700_000_000, "distinct_id": "", "$insert_id": "i"}
    event = mapper.event({"event": "A", "properties": {**own, "a": None, "c": "", "event": 5}}, 1)
    assert event == {"event": "A", "properties": {**own, "b": None, "event": 5, "d": 4}}


def test_repairs_that_were_asked_for() -> None:
    """Scrubbing and flattening change what they are told to at every depth, and the changes are counted."""
    mapper = EventMapper(RecordMapping(scrub=frozenset({"email"}), flatten=True))
    own = {"event": "A", "time": 1_700_000_000, "distinct_id": "u", "$insert_id": "i"}
    event = mapper.event({**own, "email": 1, "a": {"b": {"c": 1, "email": 2}, "l": [{"email": 3, "d": 4}]}}, 1)
    assert event["properties"] == {
        "time": 1_700_000_000, "distinct_id": "u", "$insert_id": "i", "a.b.c": 1, "a.l": [{"d": 4}],
    }  # fmt: skip
    mapper.event(own, 2)
    assert +mapper.take_changes() == {"scrubbed": 1, "flattened": 1}
    assert not +mapper.take_changes()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"events": frozenset({"B"})}, "event"),
        ({"from_time": "2023-11-15"}, "time"),
        ({"to_time": "2023-11-14T22:13:20Z"}, "time"),
        ({"to_time": "2023-11-14T22:13:21Z", "from_time": "2023-11-14T22:13:20Z"}, None),
        ({"from_time": "2023-11-14", "to_time": "2023-11-15", "time_zone": "UTC", "events": frozenset({"A"})}, None),
    ],
)
def test_filters(options: dict[str, object], reason: str | None) -> None:
    """Filters skip what they are told to, from_time included and to_time not."""
    mapper = EventMapper(RecordMapping(**options))  # type: ignore[arg-type]
    row = {"event": "A", "time": 1_700_000_000, "distinct_id": "u", "$insert_id": "i"}
    if reason is None:
        assert mapper.event(row, 1)["event"] == "A"
    else:
        with pytest.raises(RecordSkippedError, match=reason):
            mapper.event(row, 1)


def test_ids_from_hashes() -> None:
    """Equal content gives equal ids; with the position they differ, by file as well; chosen fields alone decide."""
    row = {"event": "A", "time": 1_700_000_000, "distinct_id": "u", "x": 1, "y": 2}

    def id_of(mapping: RecordMapping, row: dict[str, object], number: int = 1, file: int = 0) -> object:
        properties = EventMapper(mapping).event(row, number, file=file)["properties"]
        assert isinstance(properties, dict)
        return properties["$insert_id"]

    content = RecordMapping(insert_id_hash="content")
    position = RecordMapping(insert_id_hash="position")
    chosen = RecordMapping(insert_id_hash="content", insert_id_fields=("x",))
    assert id_of(content, row) == id_of(content, dict(reversed(row.items())), 2)
    assert len(str(id_of(content, row))) == 32
    assert id_of(content, row) != id_of(content, {**row, "y": 3})
    assert len({id_of(position, row, 1), id_of(position, row, 2), id_of(position, row, 1, 1)}) == 3
    assert id_of(chosen, row) == id_of(chosen, {**row, "y": 3}) != id_of(chosen, {**row, "x": 3})


@pytest.mark.parametrize(
    "options",
    [
        {"time_zone": "Mars"}, {"insert_id_hash": "x"}, {"insert_id_fields": ("a",)}, {"types": {"a": "b"}},
        {"drop": frozenset("a"), "keep": frozenset("a")}, {"event": ""}, {"from_time": "now"},
        {"from_time": "2024-01-02", "to_time": "2024-01-01"},
    ],
)  # fmt: skip
def test_mappings_that_contradict_themselves(options: dict[str, object]) -> None:
    """A mapping that cannot work is refused when it is made."""
    with pytest.raises(InvalidSettingError):
        RecordMapping(**options)  # type: ignore[arg-type]
