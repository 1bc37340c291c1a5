"""For any bytes in any blocks, only our own errors are raised and no record is lost."""

import asyncio
import base64
import gzip
import io
import json
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from backports import zstd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixpanel_async import AsyncMixpanel, ImportReport, Verdict
from mixpanel_async.codecs.json_array import JsonArrayError, JsonArraySplitter
from mixpanel_async.codecs.lines import LineSplitter
from mixpanel_async.errors import MixpanelError, TruncatedReplyError
from mixpanel_async.jobs.exports.line_check import BadLine, LineCutter, LineJudge
from mixpanel_async.jobs.model.chunks import Chunk, RejectedRecord
from mixpanel_async.jobs.sources.detection import Format
from mixpanel_async.jobs.state.dead_letters import decode_dead_letter, encode_dead_letter, repaired_records
from mixpanel_async.models import Outcome
from tests.records import event, ndjson
from tests.steps import at_once

DEEP = b"[" * 3000
sizes = st.lists(st.integers(1, 40), min_size=1, max_size=30)
SIGNS = b"""{ } [ ] , : " \\ 1 - null event properties time 1e999 \\ud800 \xff \x00 \xef\xbb\xbf \xc3\xa4""".split(b" ")
json_bytes = st.lists(st.sampled_from([*SIGNS, b"\n", b"\r", b" "])).map(b"".join)
anything = st.binary(max_size=200) | json_bytes
values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
lines_of_events = st.lists(st.integers(0, 50), max_size=40).map(
    lambda numbers: [orjson.dumps(event(number)) for number in numbers]
)


def cut(content: bytes, widths: Sequence[int]) -> list[bytes]:
    """Cut into parts of these widths, again and again."""
    parts, start, turn = [], 0, 0
    while start < len(content):
        parts.append(content[start : start + widths[turn % len(widths)]])
        start += widths[turn % len(widths)]
        turn += 1
    return parts


class Dripping:
    """A file that gives as little at once as it likes.

    Args:
        content: What it holds.
        widths: How much it gives.
    """

    name = "dripping"

    def __init__(self, content: bytes, widths: Sequence[int]) -> None:
        self._parts = [part for wide in cut(content, [4000]) for part in cut(wide, widths)]

    def read(self, size: int = -1, /) -> bytes:
        if not self._parts:
            return b""
        part, self._parts[0] = self._parts[0][:size], self._parts[0][size:]
        if not self._parts[0]:
            self._parts.pop(0)
        return part


def report_of(source: Any, form: Format | None = None) -> ImportReport | MixpanelError:  # noqa: ANN401 - any source
    async def run() -> ImportReport | MixpanelError:
        async with AsyncMixpanel("token", base_url="http://127.0.0.1:9") as mp:
            try:
                return await mp.import_events(source, format=form, dry_run=True)
            except MixpanelError as error:
                return error

    return asyncio.run(run())


@given(anything, sizes)
def test_lines_are_cut_alike(content: bytes, widths: Sequence[int]) -> None:
    """Lines come out unchanged and numbered, wherever the blocks begin."""
    splitter = LineSplitter()
    found: list[bytes] = []
    for block in cut(content, widths):
        for lines in splitter.feed(block):
            assert lines.first == len(found) + 1
            found += lines.lines
        assert splitter.held_bytes <= len(content)
    found += splitter.close().lines
    is_first = content[: widths[0]].startswith(b"\xef\xbb\xbf")
    assert b"".join(found) == (content[3:] if is_first else content)
    assert all(b"\n" not in line[:-1] for line in found)


def elements_of(parts: Sequence[bytes]) -> tuple[list[bytes], str]:
    """Return the elements of an array, and how it ended."""
    splitter, found = JsonArraySplitter(), []
    try:
        for part in parts:
            found += splitter.feed(part)
        splitter.close()
    except JsonArrayError as error:
        return found, "truncated" if error.reason == "truncated" else "broken"
    return found, "whole"


@given(st.lists(values, max_size=10), sizes, st.sampled_from([None, 1]))
def test_arrays(elements: list[object], widths: Sequence[int], indent: int | None) -> None:
    """The elements of an array come out one by one, in any layout and wherever the blocks begin."""
    content = json.dumps(elements, indent=indent).encode()
    found, end = elements_of(cut(content, widths))
    assert ([orjson.loads(one) for one in found], end) == (elements, "whole")
    for length in range(0, len(content), 7):
        assert elements_of([content[:length]])[1] == "truncated"


@given(anything, sizes)
def test_arrays_of_anything(content: bytes, widths: Sequence[int]) -> None:
    """Text that is not an array is reported the same way wherever the blocks begin; nothing else is raised."""
    whole, parts = elements_of([content]), elements_of(cut(content, widths))
    assert parts[1] == whole[1]
    if whole[1] != "broken":
        assert parts[0] == whole[0]


FORMS: list[Format] = ["ndjson", "json", "csv", "tsv"]
HEADERS = {"csv": b"event,time,distinct_id,$insert_id\n", "tsv": b"event\ttime\tdistinct_id\t$insert_id\n"}
PACKED: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": gzip.compress, "zstd": zstd.compress}


@settings(max_examples=60)
@given(anything, sizes, st.sampled_from(FORMS), st.sampled_from(sorted(PACKED)))
@example(DEEP, [4000], "ndjson", "plain")
@example(DEEP, [4000], "json", "plain")
@example(b'{"event":"a","properties":' * 5000, [4000], "ndjson", "plain")
@example(b"\x1f\x8b", [1], "ndjson", "plain")
@example(b"\x28\xb5\x2f\xfd", [1], "csv", "plain")
def test_any_source(content: bytes, widths: Sequence[int], form: Format, packed: str) -> None:
    """For any file, the job ends with a report that adds up, or says why the file cannot be read."""
    if form in HEADERS:
        content = HEADERS[form] + content
    found = report_of(Dripping(PACKED[packed](content), widths), form)
    if isinstance(found, MixpanelError):
        return
    assert found.is_balanced
    if form == "ndjson" and packed != "plain":
        filled = [line for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
        assert found.read == len(filled)
        assert not found.error


@settings(max_examples=60)
@given(lines_of_events, sizes, st.sampled_from(["gzip", "zstd"]), st.data())
def test_damaged_containers(lines: list[bytes], widths: Sequence[int], packed: str, data: st.DataObject) -> None:
    """A truncated or damaged container yields only lines that were in it, and an error."""
    content = b"\n".join(lines)
    stored = PACKED[packed](content[: len(content) // 2]) + PACKED[packed](content[len(content) // 2 :])
    end = data.draw(st.integers(5, len(stored)))
    damage = data.draw(st.none() | st.integers(4, end - 1))
    cut_off = bytearray(stored[:end])
    if damage is not None:
        cut_off[damage] ^= data.draw(st.integers(1, 255))
    found = report_of(Dripping(bytes(cut_off), widths), "ndjson")
    if isinstance(found, MixpanelError):
        return
    assert found.is_balanced
    assert found.read <= len(lines) + (damage is not None) * 100
    if damage is None and not found.error:
        assert found.read in {len(lines), len(content[: len(content) // 2].split(b"\n"))}


TABLE = pa.BufferOutputStream()
pq.write_table(
    pa.Table.from_pylist(
        [{"event": "A", "time": 1_700_000_000 + n, "distinct_id": "u", "$insert_id": f"i{n}", "tags": ["ä"] * n}
         for n in range(30)]
    ),
    TABLE, row_group_size=10,
)  # fmt: skip
PARQUET = bytes(TABLE.getvalue())


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, len(PARQUET) - 1), st.integers(1, 255)), max_size=4), st.integers(0, 40))
@example([(2757, 128)], 0)  # in the statistics of a row group
@example([(2565, 1)], 0)  # in the type of a column
def test_damaged_parquet(damages: list[tuple[int, int]], missing: int) -> None:
    """Damaged Parquet is reported, and the rows that are read add up."""
    content = bytearray(PARQUET[: len(PARQUET) - missing])
    for place, bits in damages:
        if place < len(content):
            content[place] ^= bits
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "a.parquet")
        path.write_bytes(content)
        found = report_of(path)
    if isinstance(found, ImportReport):
        assert found.is_balanced
    if not damages:
        assert isinstance(found, ImportReport) == (not missing)


@given(anything | st.just(DEEP), st.text(max_size=20))
def test_letters_are_read_again(record: bytes, message: str) -> None:
    """The dead letter of any rejected record is one line with its position and content."""
    verdict = Verdict(Outcome.REJECTED, "invalid", "field", message)
    line = encode_dead_letter("source", RejectedRecord(7, verdict, record))
    assert line.count(b"\n") == 1
    letter = decode_dead_letter(line)
    assert letter is not None
    assert (letter.source, letter.number, letter.message) == ("source", 7, message)
    held = bytes(letter.record) or (letter.text or "").encode() or base64.b64decode(letter.base64 or "")
    assert held == record.strip()


letters = anything | st.fixed_dictionaries(
    {}, optional={"record": values, "text": values, "base64": values, "source": values, "number": values}
).map(orjson.dumps)


@given(st.lists(letters.filter(bool), max_size=10))
@example([DEEP])
@example([b'{"text":"\\ud800"}'])
@example([b'{"base64":"A"}'])
@example([b'{"record":%s}' % DEEP])
def test_letters_of_anything(lines: list[bytes]) -> None:
    """Each line of a dead letter file is a record, a rejected record, or blank."""
    chunk = at_once(repaired_records(Chunk("file", range(1, len(lines) + 1), lines=lines)))
    assert len(chunk.lines) == len(chunk.numbers)
    blank = sum(line.isspace() for line in lines)
    assert len(chunk.lines) + len(chunk.rejects) + blank == len(lines)


@given(st.lists(st.dictionaries(st.text(max_size=8), values, max_size=5), max_size=10), sizes)
def test_export_lines(properties: list[dict[str, object]], widths: Sequence[int]) -> None:
    """Every event of an export comes out, wherever the blocks begin; an incomplete last line is reported."""
    events = [{"event": "E", "properties": one} for one in properties]
    content, cutter, judge, found = ndjson(events), LineCutter(), LineJudge(raises=True), b""
    decoded: list[dict[str, object]] = []
    for part in cut(content, widths):
        block = judge.check(cutter.take([part]))
        assert block.events == block.lines.count(b"\n")
        found += block.lines
        decoded += [event for group in LineJudge(raises=True).events(block.lines) for event in group]
    cutter.end()
    assert not judge.end()
    assert found == content
    assert decoded == events
    if content:
        cutter.take([content[:-1]])
        with pytest.raises(TruncatedReplyError):
            cutter.end()


@given(st.lists(anything.map(lambda content: content.replace(b"\n", b"")) | st.just(b'{"event":"E"}'), max_size=5))
@example([DEEP])
@example([b'{"event":"E","a":%s}' % DEEP])
@example([b'{"event":"E","a":1e400}', b'{"event":"E"}\r{"event":"E"}'])
@example([b"terminated early"])
def test_export_lines_of_anything(lines: list[bytes]) -> None:
    """Lines and dicts agree about which lines are events; nothing is raised but that the export ended early."""
    content = b"".join(line + b"\n" for line in lines)
    assert _outcome(_checked, content) == _outcome(_decoded, content)


def _outcome(read: Callable[[LineJudge, bytes], tuple[int, Sequence[BadLine]]], content: bytes) -> object:
    judge = LineJudge(raises=False)
    try:
        events, bad_lines = read(judge, content)
        return events, [*bad_lines, *judge.end()]
    except TruncatedReplyError as error:
        return str(error)


def _checked(judge: LineJudge, content: bytes) -> tuple[int, Sequence[BadLine]]:
    block = judge.check(content)
    return block.events, block.bad_lines


def _decoded(judge: LineJudge, content: bytes) -> tuple[int, Sequence[BadLine]]:
    return sum(len(group) for group in judge.events(content)), judge.bad_lines()


def test_open_files_of_any_kind(tmp_path: pathlib.Path) -> None:
    """Any object with a read method is a source: unbuffered, gzip, temporary and in-memory files."""
    content = ndjson([event(number) for number in range(100)])
    path = tmp_path / "a.ndjson"
    path.write_bytes(content)
    packed = tmp_path / "a.ndjson.gz"
    packed.write_bytes(gzip.compress(content))
    with tempfile.NamedTemporaryFile() as temporary, path.open("rb", buffering=0) as raw, gzip.open(packed) as inflated:
        temporary.write(content)
        temporary.seek(0)
        for file in (temporary, raw, inflated, path.open("rb"), io.BytesIO(content), packed.open("rb")):
            found = report_of(file)
            assert isinstance(found, ImportReport)
            assert (found.read, found.rejected, found.error) == (100, 0, "")
            if file not in {temporary, raw, inflated}:
                file.close()
