"""CSV rows: every row is read or rejected."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from mixpanel_async.jobs.sources.csv import CsvParser

cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def read_all(content: bytes) -> tuple[list[dict[str, object]], list[int], list[int]]:
    """Return the rows of a table, their numbers, and the numbers of rejected rows."""
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
    """Rows come back as they were written, with any quotes, commas and line ends in their cells."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("a", "b", "c"), *table])
    rows, numbers, rejects = read_all(file.getvalue().encode())
    assert [tuple(row.values()) for row in rows] == table
    assert numbers == sorted(numbers)
    assert not rejects


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"")), max_size=10))
@settings(deadline=None)
def test_any_bytes(lines: list[bytes]) -> None:
    """No bytes make the parser raise; every line that is not blank is a row or a rejected record."""
    rows, numbers, rejects = read_all(b"a,b\n" + b"\n".join(lines))
    filled = sum(1 for line in lines if line)
    assert len(rows) == len(numbers)
    if not any(b'"' in line for line in lines):
        assert len(rows) + len(rejects) == filled


def test_a_quote_that_is_never_closed_costs_few_rows() -> None:
    """A quote that is never closed costs the rows up to the longest cell, reported as one record; reading continues."""
    good = [b"%d,%s" % (number, b"x" * 1000) for number in range(1000)]
    rows, _, rejects = read_all(b"a,b\n" + b"\n".join([*good[:10], b'"open,1', *good[10:]]))
    assert rejects == [12]
    assert 800 < len(rows) < 1000


def test_rejected_rows_fill_a_chunk() -> None:
    """Rejected rows count towards the size of a chunk, so that a table of rejected rows fits into memory."""
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
