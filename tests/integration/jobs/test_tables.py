"""Tables as programs really write them, through an import and out of the server again."""

import json
import pathlib
import random
from collections.abc import Callable

import pytest

from mixpanel_async import AsyncMixpanel, RecordMapping, UpdateMapping
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError, SourceError
from tests.records import event

Write = Callable[[str, bytes], pathlib.Path]
HEADER = "event,time,distinct_id,$insert_id,title\n"


def rows(*titles: str) -> str:
    return "".join(f"A,{1_700_000_000 + n},u{n},id-{n},{title}\n" for n, title in enumerate(titles))


async def titles_of(emulator: Emulator) -> list[str]:
    events = [found["properties"] for found in await emulator.events()]
    return [one.get("title", "") for one in sorted(events, key=lambda one: int(one["$insert_id"][3:]))]


async def test_quotes_of_a_tsv_are_text(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A quote at the beginning of one cell and at the end of a later one do not make one event of three rows."""
    titles = ['"Alien cut', "plain", 'TV 27"']
    path = write("m.tsv", (HEADER + rows(*titles)).replace(",", "\t").encode())
    report = await mp.import_events(path)
    assert (report.read, report.imported, report.exit_status) == (3, 3, 0)
    assert await titles_of(emulator) == titles


async def test_stray_quotes_in_a_csv(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """The row with the stray quote is rejected, with its text in the dead letter; no other row is lost."""
    path = write("m.csv", (HEADER + rows('"Alien cut', "plain", 'TV 27"', '"closed"', '"un', "end")).encode())
    letters = path.with_name("letters")
    report = await mp.import_events(path, dead_letters=letters)
    assert (report.read, report.imported, report.rejected_by) == (6, 4, {"malformed": 2})
    found = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [(letter["number"], letter["text"]) for letter in found] == [
        (2, 'A,1700000000,u0,id-0,"Alien cut'),
        (6, 'A,1700000004,u4,id-4,"un'),
    ]
    assert await titles_of(emulator) == ["plain", 'TV 27"', "closed", "end"]


async def test_one_quote_in_5000_rows(mp: AsyncMixpanel, write: Write) -> None:
    """A quote that is never closed loses one row of thousands, and the counts are those of the file."""
    titles = ["x" * 90] * 5000
    titles[10] = '"open'
    report = await mp.import_events(write("unb.csv", (HEADER + rows(*titles)).encode()), dry_run=True)
    assert (report.read, report.rejected, report.is_balanced) == (5000, 1, True)


async def test_a_row_of_text_alone_is_text_in_the_dead_letter(mp: AsyncMixpanel, write: Write) -> None:
    """The text of a row is kept as text, tabs and all, although it might be JSON."""
    path = write("a.tsv", b"event\ttime\tdistinct_id\t$insert_id\n1\n\t\tx\n")
    await mp.import_events(path, dead_letters=path.with_name("letters"))
    letters = [json.loads(line) for line in path.with_name("letters").read_text().splitlines()]
    assert [letter.get("text") for letter in letters] == ["1", "\t\tx"]
    assert not any("record" in letter for letter in letters)


async def test_a_cell_of_140000_characters(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A long cell is imported whole."""
    report = await mp.import_events(write("huge.csv", (HEADER + rows("x" * 140_000, "y")).encode()))
    assert (report.read, report.imported) == (2, 2)
    assert (await titles_of(emulator))[0].startswith("xxx")  # the server keeps 255 bytes


async def test_a_cell_of_many_lines_is_reported(mp: AsyncMixpanel, write: Write) -> None:
    """A cell of many lines is imported, counted and shown with its line."""
    poem = '"' + "\n".join(f"line {n}" for n in range(30)) + '"'
    report = await mp.import_events(write("a.csv", (HEADER + rows("x", poem)).encode()))
    assert (report.imported, report.noticed_by, report.exit_status) == (2, {"cell of many lines": 1}, 0)
    assert report.notices[0].position.endswith("a.csv:3")


@pytest.mark.parametrize(
    "encoding",
    [("utf-16", None), ("utf-8-sig", None), ("cp1252", "cp1252"), ("latin-1", "latin-1"), ("utf-16-le", "utf-16-le"),
     ("utf-32", None), ("shift_jis", "shift_jis")],
)  # fmt: skip
@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
async def test_encodings(
    emulator: Emulator, mp: AsyncMixpanel, write: Write, encoding: tuple[str, str | None], form: str
) -> None:
    """A file in any encoding gives the text that was written, as a table and as JSON."""
    name, declared = encoding
    title = "日本" if name == "shift_jis" else "Zürich é"
    one = json.dumps({"event": "A", "properties": {"time": 1_700_000_000, "distinct_id": "u", "$insert_id": "id-0",
                                                   "title": title}}, ensure_ascii=False)  # fmt: skip
    text = {"csv": HEADER + rows(title), "ndjson": one + "\n", "json": f"[{one}]"}[form]
    report = await mp.import_events(write(f"a.{form}", text.encode(name)), encoding=declared)
    assert (report.read, report.imported) == (1, 1)
    assert await titles_of(emulator) == [title]


async def test_what_an_encoding_lacks_is_rejected(mp: AsyncMixpanel, write: Write) -> None:
    """Bytes without a meaning in the encoding reject their row alone; a cut character ends the file with an error."""
    path = write("a.csv", (HEADER + rows("x", "y")).encode().replace(b"y", b"\x81"))
    report = await mp.import_events(path, encoding="cp1252", dry_run=True)
    assert (report.read, report.rejected) == (2, 1)
    report = await mp.import_events(write("b.csv", (HEADER + rows("x", "y")).encode("utf-16")[:-1]), dry_run=True)
    assert "the text is not utf-16" in report.error


async def test_lone_surrogates_of_utf_16(mp: AsyncMixpanel, write: Write) -> None:
    """Half a character in UTF-16 rejects its row, not the file."""
    text = HEADER + rows("a", "cut \ud83d", "b")
    report = await mp.import_events(write("a.csv", text.encode("utf-16", "surrogatepass")), dry_run=True)
    assert (report.read, report.rejected, report.error) == (3, 1, "")


async def test_a_header_that_names_a_column_twice_is_refused_for_profiles(mp: AsyncMixpanel, write: Write) -> None:
    """A duplicate column would lose the first one's values: the table is refused before anything is sent."""
    with pytest.raises(InvalidArgumentError, match="duplicate column 'name'"):
        await mp.import_profiles(write("p.csv", b"distinct_id,name,name\nu1,first,second\n"))


async def test_a_column_without_a_name(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """The row numbers of data frames do not become a property ""; they are refused, or dropped on request."""
    path = write("a.csv", b",event,time,distinct_id,$insert_id\n0,A,1700000000,u,id-1\n")
    with pytest.raises(InvalidArgumentError, match="has no name"):
        await mp.import_events(path)
    with pytest.raises(InvalidArgumentError, match="has no name"):
        await mp.import_profiles(write("p.csv", b",distinct_id\n0,u\n"))
    report = await mp.import_events(path, mapping=RecordMapping(drop=frozenset({""})))
    assert report.imported == 1
    assert set((await emulator.events())[0]["properties"]) == {"time", "distinct_id", "$insert_id"}
    lines = [HEADER.replace("title\n", ",\n"), *["A,1700000000,u,id-2,,\n"] * 31, "A,1700000000,u,id-4,,x\n"]
    report = await mp.import_events(write("b.csv", "".join(lines).encode()))
    assert (report.imported, report.duplicates, report.rejected) == (1, 30, 1)
    assert "without a name" in report.examples[0].message
    mapping = UpdateMapping(id_field="id")
    report = await mp.import_profiles(write("q.csv", b"id,\n" + b"u,\n" * 30 + b"v,x\n"), mapping=mapping)
    assert (report.imported, report.rejected) == (30, 1)


async def test_words_for_null(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A word for null is a missing value; other words stay."""
    path = write("a.csv", (HEADER + rows("NULL", r"\N", "None", "x")).encode())
    report = await mp.import_events(path, null=["NULL", r"\N", "None"])
    assert report.imported == 4
    assert await titles_of(emulator) == ["", "", "", "x"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quote": "''"}, "quote is invalid"),
        ({"escape": "\n"}, "escape is invalid"),
        ({"quote": ";", "delimiter": ";"}, "quote is invalid: ';' is also the delimiter"),
        ({"encoding": "klingon"}, "encoding is invalid: 'klingon' is unknown"),
        ({"encoding": "hex"}, "encoding is invalid"),
        ({"null": "NULL"}, "null is invalid"),
    ],
)
async def test_invalid_options(mp: AsyncMixpanel, write: Write, options: dict[str, str], message: str) -> None:
    """An invalid option is named before anything is read."""
    with pytest.raises(InvalidArgumentError, match=message):
        await mp.import_events(write("a.csv", HEADER.encode()), **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="omit"):
        await mp.import_events([event(1)], encoding="utf-8")


async def test_a_checkpoint_with_other_options_is_refused(mp: AsyncMixpanel, write: Write) -> None:
    """What the options read decides what is sent: a checkpoint of other options is refused."""
    path = write("a.csv", (HEADER + rows("x")).encode())
    await mp.import_events(path, checkpoint=path.with_name("c"))
    with pytest.raises(InvalidArgumentError, match="other format or mapping options"):
        await mp.import_events(path, checkpoint=path.with_name("c"), null=["x"])


async def test_a_damaged_file_of_long_records(mp: AsyncMixpanel, write: Write) -> None:
    """The rows before the damage are imported; a record that the damage cuts is not taken for rows."""
    dice = random.Random(1)
    noise = ["".join(dice.choices("abcdefghij", k=300)) for _ in range(3000)]
    path = write("a.csv.gz", (HEADER + rows(*[f'"{one}\n{one}"' for one in noise])).encode())
    path.write_bytes(path.read_bytes()[:-5000])
    report = await mp.import_events(path, dry_run=True)
    assert report.error
    assert 1000 < report.read < 3000
    assert report.rejected == 0


@pytest.mark.parametrize("content", [b'a,b\n"x', b'"'])
async def test_a_header_alone(mp: AsyncMixpanel, write: Write, content: bytes) -> None:
    """A table that is not one is an error."""
    with pytest.raises((SourceError, InvalidArgumentError)):
        await mp.import_events(write("a.csv", content), dry_run=True)


LONE = rb'{"event":"A","properties":{"time":1700000000,"distinct_id":"u","$insert_id":"id-0","title":"cut \ud83d"}}'


@pytest.mark.parametrize(
    ("file", "title"),
    [
        (("a.ndjson", LONE), "cut \ufffd"),
        (("a.ndjson", LONE.replace(rb"\ud83d", rb"\\ud83d \ud83c\udf33")), "cut \\ud83d \U0001f333"),
        (("a.json", b"[" + LONE.replace(rb"\ud83d", b"\xed\xa0\xbc\xed\xbc\xb3") + b"]"), "cut \U0001f333"),
        (("a.ndjson", LONE.replace(rb"\ud83d", b"\xe9")), "cut \ufffd"),
        (("a.csv", (HEADER + rows("cut ")).encode().replace(b"cut ", b"cut \xff")), "cut \ufffd"),
        (("b.csv", (HEADER + rows("cut \ud83d")).encode("utf-16", "surrogatepass")), "cut \ufffd"),
    ],
)
async def test_text_is_repaired_on_request(
    emulator: Emulator, mp: AsyncMixpanel, write: Write, file: tuple[str, bytes], title: str
) -> None:
    """Half an emoji rejects its record, or on request becomes U+FFFD; a whole one stays what it is."""
    name, content = file
    report = await mp.import_events(write(name, content + b"\n" * (name != "b.csv")), repair_text=True)
    assert (report.read, report.imported) == (1, 1), report.examples
    assert await titles_of(emulator) == [title]
    assert report.changed_by.get("repaired_text", 0) == (0 if b"udf33" in content else 1)
