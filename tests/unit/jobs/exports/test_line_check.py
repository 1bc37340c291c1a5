"""Splitting an export into lines, and telling events from lines that are none."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from mixpanel_async.codecs.lines import MAX_LINE_BYTES
from mixpanel_async.errors import TruncatedReplyError, UnexpectedReplyError, UnreadableEventError
from mixpanel_async.jobs.exports.line_check import BadLine, LineCutter, LineJudge

Reader: TypeAlias = Callable[[LineJudge, bytes], tuple[int, list[BadLine]]]
GOOD = b'{"event":"E","properties":{"n":1}}\n'
ODD = {
    "lone surrogate": b'{"event":"a\\ud83d","properties":{}}',
    "lone surrogate in a property": b'{"event":"a","properties":{"x":"\\udc00"}}',
    "NaN": b'{"event":"a","properties":{"x":NaN}}',
    "Infinity": b'{"event":"a","properties":{"x":-Infinity}}',
    "control character": b'{"event":"a","properties":{"x":"\x01"}}',
    "tab": b'{"event":"a","properties":{"x":"\t"}}',
    "invalid UTF-8": b'{"event":"a","properties":{"x":"\xff"}}',
    "invalid UTF-8 in a key": b'{"event":"a","properties":{"\xc3":1}}',
    "surrogate in UTF-8": b'{"event":"a","properties":{"x":"\xed\xa0\x80"}}',
    "raw newline": b'{"event":"a","properties":{"x":"one\ntwo"}}',
    "two events": b'{"event":"a"} {"event":"b"}',
    "carriage return": b'{"event":"a"}\r{"event":"b"}',
    "too deep": b'{"event":"a","properties":{"x":%s1%s}}' % (b"[" * 2000, b"]" * 2000),
    "number as name": b'{"event":1,"properties":{}}',
    "event with a byte order mark": b'\xef\xbb\xbf{"event":"a"}',
}
NAMELESS = {"number as name", "event with a byte order mark"}  # at the end, they cannot be told from an error
ONLY_IN_THE_MIDDLE = {
    "text": b"export terminated early",
    "no name": b'{"properties":{}}',
    "null": b"null",
    "list": b'[{"event":"a"}]',
    "half an event": b'{"event":"a","properties":{"x":',
}
ENDS = {
    "text": b"export terminated early",
    "half an event": b'{"event":"a","properties":{"x":',
    "HTML": b"<html>502 Bad Gateway</html>",
    "object": b'{"detail":"login"}',
    "number": b"7",
    "text, then half an event": b'terminated\n{"event":"a"',
}


def read_lines(judge: LineJudge, data: bytes) -> tuple[int, list[BadLine]]:
    """Return the number of events and the bad lines, by lines."""
    block = judge.check(data)
    return block.events, [*block.bad_lines, *judge.end()]


def read_dicts(judge: LineJudge, data: bytes) -> tuple[int, list[BadLine]]:
    """Return the same, decoded."""
    events: list[object] = []
    for group in judge.events(data):
        events += group
    return len(events), [*judge.bad_lines(), *judge.end()]


READERS = pytest.mark.parametrize("read", [read_lines, read_dicts])


def test_a_line_without_an_end_is_an_error() -> None:
    """A line longer than any event ends the export; it is not read into memory to its end."""
    cutter = LineCutter()
    assert cutter.take([b"x" * MAX_LINE_BYTES]) == b""
    with pytest.raises(UnexpectedReplyError, match="longer than 8,000,000 bytes"):
        cutter.take([b"x"])


def test_half_of_the_last_line() -> None:
    """A reply that is complete for HTTP but ends in the middle of a line is truncated."""
    cutter = LineCutter()
    assert cutter.take([GOOD + GOOD[:-1]]) == GOOD
    with pytest.raises(TruncatedReplyError, match="in the middle of a line"):
        cutter.end()


@READERS
@pytest.mark.parametrize("name", [*ODD, *ONLY_IN_THE_MIDDLE])
def test_an_odd_line_in_the_middle(name: str, read: Reader) -> None:
    """A line that is no event, between lines that are, is a bad line and no truncation."""
    odd = {**ODD, **ONLY_IN_THE_MIDDLE}[name]
    events, bad = read(LineJudge(raises=False), GOOD + odd + b"\n" + GOOD)
    assert events == 2
    assert [one.number for one in bad] == list(range(2, 2 + len(bad)))
    assert b"\n".join(one.line for one in bad) == odd
    with pytest.raises(UnreadableEventError, match="line 2 of the export is not an event") as caught:
        read(LineJudge(raises=True), GOOD + odd + b"\n" + GOOD)
    assert caught.value.number == 2
    assert not caught.value.retryable


@READERS
@pytest.mark.parametrize("name", sorted(ODD.keys() - NAMELESS))
def test_an_odd_event_at_the_end(name: str, read: Reader) -> None:
    """A whole event that cannot be read is no truncation at the end either."""
    events, bad = read(LineJudge(raises=False), GOOD + ODD[name] + b"\n")
    assert events == 1
    assert b"\n".join(one.line for one in bad) == ODD[name]


@READERS
@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("start", [b"", GOOD])
def test_another_text_at_the_end_is_truncation(name: str, start: bytes, read: Reader) -> None:
    """The text with which an export is aborted is truncation, whether bad lines raise or not."""
    for raises in (True, False):
        with pytest.raises(TruncatedReplyError, match="ended early"):
            read(LineJudge(raises=raises), start + ENDS[name] + b"\n")


@READERS
@pytest.mark.parametrize("end", [b"", GOOD])
def test_an_error_as_a_line(end: bytes, read: Reader) -> None:
    """An object with an error in place of an event means that the export failed, wherever it is."""
    with pytest.raises(TruncatedReplyError, match="rate limit exceeded"):
        read(LineJudge(raises=False), GOOD + b'{"error":"rate limit exceeded"}\n' + end)


@READERS
def test_blank_lines_are_no_events(read: Reader) -> None:
    """Blank lines anywhere neither count nor fail."""
    assert read(LineJudge(raises=True), b"\n" + GOOD + b" \r\n\n" + GOOD + b"\n") == (2, [])
    assert read(LineJudge(raises=True), b"\n\n") == (0, [])


@READERS
def test_too_many_bad_lines(read: Reader) -> None:
    """Thousands of bad lines are no export; they are not collected without a bound."""
    with pytest.raises(UnexpectedReplyError, match="more than 10,000 lines are not events"):
        read(LineJudge(raises=False), (b"{}\n" * 10_001) + GOOD)


def test_numbers_are_exact() -> None:
    """Integers of any size keep their digits, and a number beyond any float keeps its value."""
    line = b'{"event":"E","properties":{"n":18446744073709551616,"m":-123456789012345678901234567890,"x":1e400}}\n'
    (found,) = next(iter(LineJudge(raises=True).events(line)))
    properties = found["properties"]
    assert isinstance(properties, dict)
    assert properties["n"] == 2**64
    assert properties["m"] == -123456789012345678901234567890
    assert str(properties["x"]) == "1E+400"
    assert LineJudge(raises=True).check(line).events == 1
