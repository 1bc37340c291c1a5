"""The fast path for lines, compared with a plain reference."""

import json
from collections.abc import Sequence

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mixpanel_async.codecs.lines import LineSplitter
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.encoding.fast_lines import LineChecker
from mixpanel_async.jobs.model.chunks import Chunk, EncodedChunk
from mixpanel_async.records.tokens import TokenRule
from tests.records import NOON, event
from tests.steps import at_once
from tests.unit.jobs.reference import expected

NOW = float(NOON + 10_000)
TOKENS = TokenRule("replace", "project-token", field="properties.token", takes_tokens=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=2))
times = (
    st.integers(NOON, NOON + 3)
    | st.integers(NOON * 1000, NOON * 1000 + 3)
    | st.sampled_from([0, -1, 31_535_999, 31_536_000, NOON + 20_000, NOON * 2000, "1700000000", None, True, 1.5e9])
)
ids = st.sampled_from(["id-1", "id-2", "a" * 36, "a" * 37, "", "none", "ä", "a b", None, 7])
people = st.sampled_from(["u-1", "u-2", "", "anon", "0", "müller", None, 7])


@st.composite
def event_lines(draw: st.DrawFn) -> bytes:
    """Draw a line that is an event or nearly one."""
    own = {"time": draw(times), "distinct_id": draw(people), "$insert_id": draw(ids)}
    properties: dict[str, object] = {name: value for name, value in own.items() if value is not None}
    properties |= {f"p-{name}": value for name, value in draw(st.dictionaries(texts, values, max_size=3)).items()}
    record: dict[str, object] = {"event": draw(st.sampled_from(["A", "B", "ä", ""])), "properties": properties}
    if draw(st.integers(0, 20)) == 0:
        record["extra"] = 1
    return json.dumps(record, ensure_ascii=draw(st.booleans())).encode()


good_lines = st.integers(0, 5).map(lambda number: orjson.dumps(event(number)))
odd_lines = st.sampled_from(
    [
        b"",
        b"  ",
        b"\r",
        b"{}",
        b"[]",
        b"null",
        b"not json",
        b'{"event":"A"}',
        b'{"event":"A","properties":[]}',
        orjson.dumps(event(1))[:-1],
        orjson.dumps(event(1)) + b" ",
        orjson.dumps(event(1)) + b"x",
        orjson.dumps(event(2, x="X")).replace(b'"X"', b"NaN"),
        orjson.dumps(event(2, x="X")).replace(b'"X"', b"-Infinity"),
        orjson.dumps(event(2, x="X")).replace(b"X", b"\xff"),
        orjson.dumps(event(2, x="X")).replace(b"X", b"\\ud800"),
        orjson.dumps(event(2, distinct_id="X")).replace(b"X", b"\xc3"),
        orjson.dumps(event(3, x="X")).replace(b'"X"', b"[" * 2000 + b"]" * 2000),
        orjson.dumps(event(3, x=list(range(255)))),
        orjson.dumps(event(3, x=list(range(254)))),
        orjson.dumps(event(3, x={str(n): n for n in range(255)})),
        orjson.dumps(event(3, **{str(n): n for n in range(252)})),
        orjson.dumps(event(3, **{str(n): n for n in range(251)})),
        orjson.dumps(event(3, x={"a": {"b": {"c": 1}}})),
        orjson.dumps(event(3, x={"a": {"b": {"c": {}}}})),
        orjson.dumps(event(3, x="{{{{{{{{")),
        orjson.dumps(event(3, x="," * 600)),
    ]
)
files = st.lists(good_lines | event_lines() | odd_lines, max_size=30)


def checked(
    lines: Sequence[bytes], *, window: int = 1000, size: int = 1 << 20
) -> tuple[list[bytes], list[int], EncodedChunk]:
    """Run lines through splitter and checker in blocks of some size; return what is sent, and the last chunk."""
    content = b"\n".join(lines)
    checker = LineChecker(EventWindow(window), lambda: NOW, 1_000_000, TOKENS)
    splitter = LineSplitter()
    blocks = [content[start : start + size] for start in range(0, len(content), size)]
    total = EncodedChunk("", [], [], at_once(checker.check(Chunk("", range(1, 1)))).tally)
    sent: list[bytes] = []
    rejected: list[int] = []
    for found in [*(lines for block in blocks for lines in splitter.feed(block)), splitter.close()]:
        numbers = range(found.first, found.first + len(found.lines))
        chunk = at_once(checker.check(Chunk("file", numbers, lines=found.lines)))
        assert len(chunk.parts) == len(chunk.numbers)
        all_lines = content.split(b"\n")
        assert all(part.strip() == all_lines[n - 1].strip() for part, n in zip(chunk.parts, chunk.numbers, strict=True))
        sent += [part.strip() for part in chunk.parts]
        rejected += [reject.number for reject in chunk.rejects]
        total.tally.add(chunk.tally)
    return sent, rejected, total


@given(files, st.integers(1, 200))
@example([orjson.dumps(event(1)), orjson.dumps(event(1))], 3)
def test_any_lines_in_any_blocks(lines: list[bytes], size: int) -> None:
    """For any lines in any blocks, the output is that of the reference."""
    wanted = expected(b"\n".join(lines), NOW)
    sent, rejected, total = checked(lines, size=size)
    assert sent == wanted.sent
    assert sorted(rejected) == wanted.rejected
    assert total.tally.duplicates == wanted.counts["duplicates"]
    assert total.tally.read == wanted.counts["read"]
    assert total.tally.read == len(sent) + total.tally.settled


@given(st.lists(st.binary(max_size=40) | event_lines(), max_size=10))
def test_any_bytes(lines: list[bytes]) -> None:
    """No bytes make the checker raise; every line that it accepts is JSON for other parsers as well."""
    sent, _, _ = checked([line.replace(b"\n", b"") for line in lines])
    for line in sent:
        assert orjson.loads(line) == json.loads(line)


@pytest.mark.parametrize("bad", [0, 1, 255, 256, 300, 511])
def test_one_bad_line_costs_no_other(bad: int) -> None:
    """An invalid line anywhere in a group is rejected with its number; all others are sent unchanged."""
    lines = [orjson.dumps(event(number)) for number in range(512)]
    lines[bad] = b"{"
    sent, rejected, _ = checked(lines)
    assert sent == lines[:bad] + lines[bad + 1 :]
    assert rejected == [bad + 1]


def test_duplicates_are_compared_in_full() -> None:
    """Events that share their $insert_id but differ in event, time or user are different events."""
    same: dict[str, object] = {"time": NOON, "distinct_id": "u", "$insert_id": "x"}
    changes: list[tuple[str, dict[str, object]]] = [
        ("A", {}),
        ("B", {}),
        ("A", {"time": NOON + 1}),
        ("A", {"distinct_id": "v"}),
        ("B", {}),
        ("A", {}),
        ("A", {"p": 1}),
    ]
    lines = [orjson.dumps({"event": name, "properties": {**same, **change}}) for name, change in changes]
    sent, _, total = checked(lines)
    assert sent == lines[:4]
    assert total.tally.duplicates == 3


def test_the_window_is_bounded_and_long_enough() -> None:
    """A duplicate is found within the size of the window, and at most 1.5 times as many events are held."""
    window = EventWindow(100)
    checker = LineChecker(window, lambda: NOW, 1_000_000, TOKENS)
    lines = [orjson.dumps(event(number)) for number in range(1000)]
    for number, line in enumerate(lines):
        assert at_once(checker.check(Chunk("", (1,), lines=(line,)))).tally.duplicates == 0
        earlier = lines[max(0, number - 99)]
        if number:
            assert at_once(checker.check(Chunk("", (1,), lines=(earlier,)))).tally.duplicates == 1
        assert len(window) <= 150


def test_a_line_above_the_limit_is_too_large() -> None:
    """An event of more than 1 MB is rejected as too large, with both numbers in the message."""
    line = orjson.dumps(event(1, x="x" * 1_000_000))
    checker = LineChecker(EventWindow(10), lambda: NOW, 1_000_000, TOKENS)
    chunk = at_once(checker.check(Chunk("", (7,), lines=(line,))))
    assert [reject.number for reject in chunk.rejects] == [7]
    assert chunk.rejects[0].verdict.reason == "too_large"
    assert "1,000,000" in chunk.rejects[0].verdict.message


def test_events_that_link_ids_pass() -> None:
    """$identify, $create_alias and $merge need neither time nor $insert_id."""
    line = orjson.dumps({"event": "$merge", "properties": {"$distinct_ids": ["a", "b"]}})
    sent, rejected, _ = checked([line, line])
    assert sent == [line, line]
    assert not rejected
