"""CSV rows: every row is read or rejected, and of a broken record only the first line."""

import csv
import io
import random
from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixpanel_async.codecs.lines import MAX_LINE_BYTES
from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.model.chunks import RejectedRecord
from mixpanel_async.jobs.sources.csv.cells import Dialect
from mixpanel_async.jobs.sources.csv.parser import CsvParser, CsvRows
from mixpanel_async.jobs.sources.csv.text_lines import TextLines
from mixpanel_async.jobs.sources.options import FileOptions

cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TSV = Dialect("\t", None)


def parser(
    content: bytes, options: FileOptions | None = None, default: Dialect | None = None, block: int = 1 << 20
) -> CsvParser:
    file = io.BytesIO(content)
    return CsvParser("file", TextLines(lambda: file.read(block)), options or FileOptions(), default)


def groups(reader: CsvParser) -> Iterator[CsvRows]:
    while not (found := reader.read()).is_end:
        yield found


def read_all(
    content: bytes, options: FileOptions | None = None, default: Dialect | None = None, block: int = 1 << 20
) -> tuple[list[tuple[object, ...]], list[int], list[RejectedRecord]]:
    """Return the rows of a table, their numbers, and the rejected rows."""
    reader = parser(content, options, default, block)
    reader.read_header()
    rows: list[tuple[object, ...]] = []
    numbers: list[int] = []
    rejects: list[RejectedRecord] = []
    for found in groups(reader):
        rows += [tuple(row.values()) for row in found.rows]
        numbers += found.numbers
        rejects += found.rejects
    return rows, numbers, rejects


def written(rows: list[tuple[str, ...]], line_end: str = "\r\n") -> str:
    file = io.StringIO(newline="")
    # With other line ends than its own, the module leaves a line end without quotes.
    quoting: Literal[0, 1] = (
        csv.QUOTE_ALL if any("\r" in cell or "\n" in cell for row in rows for cell in row) else csv.QUOTE_MINIMAL
    )
    csv.writer(file, lineterminator=line_end, quoting=quoting).writerows(rows)
    return file.getvalue()


@given(st.lists(st.tuples(cells, cells, cells), max_size=20), st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 50))
def test_any_table(table: list[tuple[str, str, str]], line_end: str, block: int) -> None:
    """Rows come back as they were written, with any quotes, commas and line ends in their cells, in any blocks."""
    content = written([("a", "b", "c"), *table], line_end).encode()
    rows, numbers, rejects = read_all(content, FileOptions(delimiter=",", quote='"'), block=block)
    assert rows == table
    assert numbers == sorted(numbers)
    assert not rejects


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"")), max_size=10))
def test_any_bytes(lines: list[bytes]) -> None:
    """No bytes make the parser raise; every line that is not blank is a row or a rejected record."""
    rows, numbers, rejects = read_all(b"a,b\n" + b"\n".join(lines))
    filled = sum(1 for line in lines if line)
    assert len(rows) == len(numbers)
    if not any(b'"' in line for line in lines):
        assert len(rows) + len(rejects) == filled


def good_row(number: int, dice: random.Random) -> tuple[str, ...]:
    texts = ("plain", "a, b", 'say "hi"', "two\nlines", "", "12", '"', "a,b\nc,d", '""', "it's")
    return (f"row-{number}", str(1_700_000_000 + number), dice.choice(texts), dice.choice(texts), "end")


def damaged(text: str, dice: random.Random) -> str:
    """Return a record with a quote or a delimiter or a backslash too many, or something missing."""
    body = text.removesuffix("\n")
    position = dice.randrange(len(body))
    kind = dice.randrange(4)
    if kind == 0:
        return f'{body[:position]}"{body[position:]}\n'
    if kind == 1:
        return f"{body[:position]}{body[position + 1 :]}\n"
    if kind == 2:
        return body[:position] + "\\" + dice.choice(',"') + body[position:] + "\n"
    column = dice.randrange(3)
    cells_of = body.split(",")
    cells_of[column] = f'"{cells_of[column]}'
    return ",".join(cells_of) + "\n"


@given(st.integers(0, 2**32), st.integers(1, 200))
@settings(max_examples=200)
def test_damage_costs_no_good_row(seed: int, block: int) -> None:
    """Whatever is damaged in one record: every other row is read as the csv module reads the undamaged table."""
    dice = random.Random(seed)
    rows = [good_row(number, dice) for number in range(30)]
    records = [written([row], "\n") for row in rows]
    broken = dice.randrange(30)
    records[broken] = damaged(records[broken], dice)
    content = written([("id", "time", "a", "b", "c")], "\n") + "".join(records)
    found, _, _ = read_all(content.encode(), block=block)
    lost = [row for row in rows[:broken] + rows[broken + 1 :] if row not in found]
    assert not lost


def test_a_quote_that_is_never_closed_costs_its_row_alone() -> None:
    """A quote that is never closed loses its row, whose text is kept; reading continues after it."""
    good = [b"%d,%s" % (number, b"x" * 1000) for number in range(1000)]
    rows, _, rejects = read_all(b"a,b\n" + b"\n".join([*good[:10], b'"open,1', *good[10:]]))
    assert [(reject.number, reject.record) for reject in rejects] == [(12, b'"open,1')]
    assert len(rows) == 1000


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_stray_quotes_of_two_rows_take_no_rows_between_them(line_end: str) -> None:
    """A cell that begins with a quote and a later one that ends with one are not one cell of all rows between them."""
    rows = [["A", str(1_700_000_000 + n), f"u{n}", f"id-{n}", f"plain title {n}"] for n in range(100)]
    rows[11][-1] = "\"Alien the director's cut"
    rows[51][-1] = 'TV 27"'
    content = line_end.join(",".join(row) for row in [["event", "time", "distinct_id", "$insert_id", "title"], *rows])
    found, numbers, rejects = read_all(content.encode())
    assert [reject.number for reject in rejects] == [13]
    assert rejects[0].record == b"A,1700000011,u11,id-11,\"Alien the director's cut"
    assert found == [tuple(row) for row in rows if row is not rows[11]]
    assert numbers == [n for n in range(2, 102) if n != 13]
    in_one = read_all(content.encode(), FileOptions(quote='"'))
    assert (len(in_one[0]), len(in_one[2])) == (60, 0)  # what was asked for
    assert len(read_all(content.encode(), FileOptions(quote="none"))[0]) == 100


def test_a_tsv_has_no_quotes() -> None:
    """The cells of a TSV are the text between tabs, including quotes."""
    content = b'a\tb\n1\t"Alien cut\n2\tplain\n3\tTV 27"\n4\t"x"y\n'
    rows, _, rejects = read_all(content, default=TSV)
    assert rows == [("1", '"Alien cut'), ("2", "plain"), ("3", 'TV 27"'), ("4", '"x"y')]
    assert not rejects
    rows, _, _ = read_all(b'a\tb\n1\t"x\ty"\n', FileOptions(quote='"'), TSV)
    assert rows == [("1", "x\ty")]


@pytest.mark.parametrize(
    ("content", "options", "default", "row"),
    [
        (rb'"he said \"hi\"",x', FileOptions(escape="\\"), None, ('he said "hi"', "x")),
        (rb'"a \\",x', FileOptions(escape="\\"), None, ("a \\", "x")),
        (rb'"C:\new","a""b"', FileOptions(escape="\\"), None, ("C:\\new", 'a"b')),
        (b'"two\\\nlines",x', FileOptions(escape="\\"), None, ("two\nlines", "x")),
        (rb"a\,b,\N", FileOptions(escape="\\"), None, ("a,b", "")),
        (b"a\\\r\nb,c", FileOptions(escape="\\"), None, ("a\r\nb", "c")),
        (b"a\\\tb\tx\\ny\\\\", FileOptions(escape="\\"), TSV, ("a\tb", "x\ny\\")),
        (b"\\N\tlast\\", FileOptions(escape="\\"), TSV, ("", "last\\")),
        (b"NULL,NULLS", FileOptions(null=["NULL"]), None, ("", "NULLS")),
        (b"'a,b',c", FileOptions(quote="'"), None, ("a,b", "c")),
        (b'"a""b",c', FileOptions(escape='"'), None, ('a"b', "c")),
    ],
)
def test_dialects(content: bytes, options: FileOptions, default: Dialect | None, row: tuple[str, str]) -> None:
    """Escaped and quoted cells come out as the databases that write them mean them."""
    header = b"a\tb\n" if default is TSV else b"a,b\n"
    assert read_all(header + content, options, default) == ([row], [2], [])


@pytest.mark.parametrize("quotes", ["", '"'])
def test_a_cell_of_a_million_characters(quotes: str) -> None:
    """A cell is as long as an event may be, quoted or not; the limit of the csv module is left alone."""
    limit = csv.field_size_limit()
    long = "x" * 1_000_000 + ("\ny" if quotes else "")
    content = f"a,b\n1,{quotes}{long}{quotes}\n2,z\n"
    rows, numbers, rejects = read_all(content.encode())
    assert rows == [("1", long), ("2", "z")]
    assert (numbers, rejects, csv.field_size_limit()) == ([2, 4 if quotes else 3], [], limit)


def test_a_line_without_an_end_is_rejected_as_that_row() -> None:
    """A line longer than any record is rejected with its beginning, and the rows around it are read."""
    content = b"a,b\n1,2\n" + b'"' + b"x" * (MAX_LINE_BYTES + (2 << 20)) + b"\n3,4\n"
    rows, numbers, rejects = read_all(content)
    assert (rows, numbers) == ([("1", "2"), ("3", "4")], [2, 4])
    assert [reject.number for reject in rejects] == [3]
    assert rejects[0].record.startswith(b'"xxx')
    rows, _, rejects = read_all(content[:-5])
    assert (len(rows), len(rejects)) == (1, 1)


@pytest.mark.parametrize(
    ("content", "rows", "rejects"),
    [
        (b"a,b\n1\n2,3\n4,5,6\n7,8\n", [("2", "3"), ("7", "8")], [(2, b"1"), (4, b"4,5,6")]),
        (b'a,b\n"x"y,1\n2,3\n', [("2", "3")], [(2, b'"x"y,1')]),
        (b'a,b\n"one\ncell"\n2,3\n', [("2", "3")], [(2, b'"one\ncell"')]),
        (b'a,b\n"open\n2,3\n4,5"\n', [("2", "3"), ("4", '5"')], [(2, b'"open')]),
        (b"a,b\n\xff,1\n2,3\n", [("2", "3")], [(2, b"\xff,1")]),
        (b'a,b\n1,2\n"open', [("1", "2")], [(3, b'"open')]),
    ],
)
def test_what_is_rejected(content: bytes, rows: list[tuple[str, str]], rejects: list[tuple[int, bytes]]) -> None:
    """A row that is not one is rejected with its number and its bytes; the rows around it are read."""
    found, _, rejected = read_all(content)
    assert found == rows
    assert [(reject.number, reject.record) for reject in rejected] == rejects


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"a;b\n1,5;2\n", [("1,5", "2")]),
        (b"a\tb\n1\t2\n", [("1", "2")]),
        (b"a|b\n1|2\n", [("1", "2")]),
        (b'"a,b";c\n1;2\n', [("1", "2")]),
        (b"sep=;\na;b\n1;2\n", [("1", "2")]),
        (b'\xef\xbb\xbf"sep=|"\r\na|b\r\n1|2\r\n', [("1", "2")]),
        (b"a,b;c\n1,2;3\n", [("1", "2;3")]),
        (b"a\n1\n", [("1",)]),
    ],
)
def test_the_delimiter_is_detected(content: bytes, rows: list[tuple[str, ...]]) -> None:
    """The delimiter is the one that the header and the rows have in common, or the one of a `sep=` line."""
    assert read_all(content)[0] == rows


def test_a_real_cell_of_many_lines_is_noticed() -> None:
    """A cell of many lines is read, and reported."""
    cell = "\n".join(f"verse {n}, and more" for n in range(20))
    reader = parser(written([("a", "b", "c"), ("1", "x", "y"), ("2", cell, "z")], "\n").encode())
    reader.read_header()
    found = reader.read()
    assert [row["b"] for row in found.rows] == ["x", cell]
    assert [(notice.number, notice.kind) for notice in found.notices] == [(3, "cell of many lines")]


def test_columns_without_a_name() -> None:
    """A column without a name is ignored while it is empty; its values are not lost silently."""
    reader = parser(b"a,b,,\n1,2,,\n")
    assert reader.read_header() == ["a", "b"]
    assert list(reader.read().rows) == [{"a": "1", "b": "2"}]
    reader = parser(b",a\n0,1\n")
    assert reader.read_header() == ["a", ""]
    assert list(reader.read().rows) == [{"": "0", "a": "1"}]


@pytest.mark.parametrize("content", [b'"a', b'"a"b,c\n', b"\xff\n", b"a\0,\0b\0\n\0"])
def test_broken_headers(content: bytes) -> None:
    """A header that is not one is an error, not a table without rows."""
    with pytest.raises(SourceError, match="the header"):
        parser(content).read_header()


def test_rejected_rows_fill_a_chunk() -> None:
    """Rejected rows count towards the size of a chunk, so that a table of rejected rows fits into memory."""
    content = "a,b\n" + '"x"y,1\n' * 2500 + "1,2\n" + '"x"y,1\n' * 999
    reader = parser(content.encode())
    reader.read_header()
    sizes, numbers = [], []
    for found in groups(reader):
        sizes.append(len(found.rejects) + len(found.rows))
        numbers += [*found.numbers, *(reject.number for reject in found.rejects)]
    assert sizes == [1000, 1000, 1000, 500]
    assert sorted(numbers) == list(range(2, 3502))


@given(st.integers(0, 2**32))
@settings(max_examples=50)
def test_reading_resumes_at_every_position(seed: int) -> None:
    """From the position after any group, the rest is read as the first reading read it."""
    dice = random.Random(seed)
    records = [written([good_row(number, dice)], "\n") for number in range(40)]
    for number in dice.sample(range(40), 4):
        records[number] = damaged(records[number], dice)
    content = (written([("id", "time", "a", "b", "c")], "\n") + "".join(records)).encode()
    reader = parser(content, block=100)
    reader.read_header()
    found = list(groups(reader))
    for index, group in enumerate(found):
        again = parser(content, block=100)
        again.read_header()
        again.skip(group.number)
        assert [row for one in groups(again) for row in one.rows] == [
            row for one in found[index + 1 :] for row in one.rows
        ]


TOKEN, OTHER = "0123456789abcdef0123456789abcdef", "a-token-of-another-form"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (f"a,token,b\n1,{TOKEN},2,3\n", b"1,***,2,3"),
        (f'a,$token,b\n1,x{TOKEN[:31]},2\n"{TOKEN},open\n', b'"***,open'),
        (f"a,token,b\n1,{OTHER},2\n4,5,{OTHER},6\n", b"4,5,***,6"),
        (f"a,token,b\n4,5,{OTHER},6\n1,{OTHER},2\n", b"4,5,***,6"),
        (f'a,token,b\n4,5,"{OTHER}",6\n1,{OTHER},2\n', b"4,5,***,6"),
        (f"a,token\n1,2,{OTHER}\n", b"1,***,***"),
        (f"token,a\n{OTHER}\n", b"***"),
        (f"a,b\n1,{TOKEN},3\n", f"1,{TOKEN},3".encode()),
    ],
)
def test_rejected_rows_hold_no_token(content: str, text: bytes) -> None:
    """In a table with a column of tokens, the raw text of a rejected row has a mark in place of its token."""
    _, _, rejected = read_all(content.encode())
    assert [reject.record for reject in rejected] == [text]


def test_a_tsv_whose_names_are_in_quotes() -> None:
    """A TSV has no quotes unless told; if all its names are in quotes, the error says what to set."""
    content = b'"a"\t"b"\n"1"\t"2"\n'
    with pytest.raises(SourceError, match='set quote to "'):
        parser(content, default=TSV).read_header()
    assert read_all(content, FileOptions(quote='"'), TSV)[0] == [("1", "2")]
    assert parser(content, FileOptions(quote="none"), TSV).read_header() == ['"a"', '"b"']


def test_the_error_of_a_row_of_another_width() -> None:
    """A row that is too short lacks cells; one that is too long has a delimiter too many."""
    _, _, (short, long) = read_all(b"a,b\n1\n1,2,3\n")
    assert "add the missing cells" in short.verdict.message
    assert "quote cells" in long.verdict.message


@pytest.mark.parametrize("header", [b"", b"b,x\n"])
def test_columns_of_a_table_without_a_header(header: bytes) -> None:
    """Given names are used if the first line is not their names; then it is a row."""
    reader = parser(header + b"1,2\n3\n", FileOptions(columns=["a", "b"]))
    names = ["b", "x"] if header else ["a", "b"]
    assert reader.read_header() == names
    found = reader.read()
    assert found.rows == [dict(zip(names, "12", strict=True))]
    assert (list(found.numbers), [reject.number for reject in found.rejects]) == (([2], [3]) if header else ([1], [2]))
