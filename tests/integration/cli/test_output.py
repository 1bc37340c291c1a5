"""The forms of rows: table, JSON, lines of JSON, CSV. Pure."""

import csv
import io
import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.actions._core.tabular import TableRow
from mixpanel_async.actions.query.insights_report import InsightsReport
from mixpanel_async.cli.render.encoders import TextForm, row_encoder
from mixpanel_async.cli.render.rows import OutputRows, rows_of
from mixpanel_async.cli.render.table import encode_table

CELLS = st.text(st.characters(exclude_categories=["Cs"]))


def encoded(form: TextForm, columns: tuple[str, ...], rows: Sequence[TableRow], *, has_header: bool = True) -> str:
    encoder = row_encoder(form, columns, has_header=has_header)
    return b"".join([encoder.begin(), *map(encoder.row, rows), encoder.end()]).decode()


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_csv_is_read_back_as_it_was(rows: list[tuple[str, str]]) -> None:
    """Commas, quotes, line breaks, lone carriage returns and spaces come back from CSV."""
    text = encoded("csv", ("a", "b"), rows)
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [["a", "b"], *map(list, rows)]


@given(st.lists(st.tuples(CELLS), max_size=5))
def test_csv_of_one_column_keeps_empty_cells(rows: list[tuple[str]]) -> None:
    """An empty cell alone in its row is a row, no empty line."""
    text = encoded("csv", ("a",), rows)
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [["a"], *map(list, rows)]


def test_csv_of_other_values() -> None:
    """In CSV nothing stands for None, JSON for what is neither text nor a number; floats are not rounded."""
    row = (None, True, 0.1234567890123, {"a": [1]}, 2**70)
    assert encoded("csv", ("n", "b", "f", "j", "i"), [row], has_header=False) == (
        ',true,0.1234567890123,"{""a"":[1]}",1180591620717411303424\n'
    )


@pytest.mark.parametrize("rows", [[], [(1, None)], [(1, None), ("ü", [1])]])
def test_json_is_one_array_and_ndjson_a_row_a_line(rows: list[TableRow]) -> None:
    """Both hold the same objects; JSON is one document with a row on each line."""
    objects = [dict(zip(("a", "b"), row, strict=True)) for row in rows]
    assert json.loads(encoded("json", ("a", "b"), rows)) == objects
    assert [json.loads(line) for line in encoded("ndjson", ("a", "b"), rows).splitlines()] == objects


def test_no_column_hides_another() -> None:
    """A report whose breakdown is called like a column of ours loses nothing."""
    report = InsightsReport(headers=["date", "date"], series={"a": {"b": {"2026-08-01": 5}}})
    assert rows_of(report).columns == ("date_2", "date_3", "date", "value")


class Thing(msgspec.Struct):
    id: int
    name: str | None = None


@pytest.mark.parametrize(
    ("answer", "columns", "rows"),
    [
        ([{"a": 1}, {"b": 2}], ("a", "b"), [(1, None), (None, 2)]),
        ([{"a": 1}, 2], ("value",), [({"a": 1},), (2,)]),
        (["x", "y"], ("value",), [("x",), ("y",)]),
        ([], ("value",), []),
        ([Thing(1), Thing(2, "n")], ("id", "name"), [(1, None), (2, "n")]),
        (Thing(1), ("id", "name"), [(1, None)]),
        ({"a": 1}, ("a",), [(1,)]),
    ],
)
def test_rows_of_any_answer(answer: object, columns: tuple[str, ...], rows: list[TableRow]) -> None:
    """Objects give a column for each of their fields, anything else one column."""
    assert rows_of(answer) == OutputRows(columns, rows)


def test_table_rounds_leaves_out_empty_columns_and_disarms_names() -> None:
    """A table is for people: short numbers, no empty columns, and nothing that steers the terminal."""
    rows = OutputRows(
        ("name", "none", "value"), [("a\x1b[31m[bold]", None, 1 / 3), ("b", None, 1234567.891), ("c", None, 2)]
    )
    assert encode_table(rows).decode().splitlines() == [
        "name                  value",
        "───────────────────────────",
        "a\\x1b[31m[bold]    0.333333",
        "b                1234567.89",
        "c                         2",
    ]
