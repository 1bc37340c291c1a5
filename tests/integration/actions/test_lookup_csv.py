import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.actions import LookupTables
from mixpanel_async.actions.lookup_csv import check_csv, encode_rows
from mixpanel_async.errors import InvalidRecordError, SourceError
from mixpanel_async.session import Session
from tests.integration.actions.server import Script


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"", "line 1: the table is empty"),
        (b"\n", "line 1: the header is empty"),
        (b"id,\n1,2\n", "line 1: column 2 has no name"),
        (b"id,a,id\n1,2,3\n", "line 1: duplicate column 'id'"),
        (b"id,a\n1,2\n2\n", "line 3: the row has 1 fields, but the header has 2"),
        (b"id,a\n1,2,3\n", "line 2: the row has 3 fields, but the header has 2"),
        (b'id,a\n1,"x\ny"\n ,2\n', "line 4: the key in the first column is empty"),
        (b"id,a\n1,2\n\xff,3\n", "line 3: the table is not UTF-8"),
        (b'id,a\n1,"2\n', "line 2: invalid CSV"),
        (b"id,a\n1,2\n\n", "line 3: the row has 0 fields, but the header has 2"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(table: bytes, message: str) -> None:
    """A table that Mixpanel would refuse or misread raises before it is sent; the error names the line."""
    with pytest.raises(InvalidRecordError, match=message):
        check_csv(table)


@pytest.mark.parametrize("table", [b"id\n", b"id,a\r\n1,\r\n", b"\xef\xbb\xbfid,a\n1,2\n", b'id,a\n1,"x, ""y""\nz"'])
def test_a_good_table_passes(table: bytes) -> None:
    """A header alone, empty fields, a byte order mark and quoted line breaks are accepted."""
    assert check_csv(table) in {0, 1}


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=5))
def test_rows_come_out_as_they_went_in(rows: list[tuple[str, str]]) -> None:
    """Any text in the rows survives writing and reading the CSV."""
    rows = [(key.replace("\x00", "") or "k", value.replace("\x00", "")) for key, value in rows]
    text = encode_rows([("id", "a"), *rows]).decode("utf-8", "surrogatepass")
    assert [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))] == [("id", "a"), *rows]


def test_rows_as_mappings() -> None:
    """The first mapping gives the header; a missing key in a later row is an empty field, a new key raises."""
    assert encode_rows([{"id": 1, "a": None}, {"id": 2}]) == b"id,a\r\n1,\r\n2,\r\n"
    with pytest.raises(InvalidRecordError, match="row 2 has 'b'"):
        encode_rows([{"id": 1}, {"id": 2, "b": 3}])
    with pytest.raises(InvalidRecordError, match="row 2 is a list"):
        encode_rows([{"id": 1}, [2]])


async def test_replace_takes_path_bytes_and_rows(session: Session, script: Script, tmp_path: Path) -> None:
    """A file, bytes and rows are sent as the same CSV."""
    path = tmp_path / "table.csv"
    path.write_bytes(b"id,a\n1,2\n")
    script.answers({"code": 200, "status": "OK"})
    tables = LookupTables(session)
    for source in (path, str(path), b"id,a\n1,2\n", [("id", "a"), (1, 2)], [{"id": 1, "a": 2}]):
        answer = await tables.replace("t", source)
        assert answer.status == "OK"
    assert {seen.body.replace(b"\r\n", b"\n") for seen in script.seen} == {b"id,a\n1,2\n"}
    assert len(script.seen) == 5
    assert script.seen[0].path == "/lookup-tables/t"
    assert script.seen[0].headers["content-type"] == "text/csv"


async def test_nothing_is_sent_of_a_bad_table(session: Session, script: Script, tmp_path: Path) -> None:
    """An invalid table or a missing file raises, and nothing is sent."""
    tables = LookupTables(session)
    with pytest.raises(InvalidRecordError):
        await tables.replace("t", b"id,a\n,2\n")
    with pytest.raises(SourceError, match="No such file"):
        await tables.replace("t", tmp_path / "none.csv")
    assert script.seen == []
