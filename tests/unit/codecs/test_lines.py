"""Splitting blocks into lines."""

import pytest

from mixpanel_async.codecs.lines import MAX_LINE_BYTES, LineSplitter


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"x" * 400 + b"\n"], ids=["blank", "short", "long"])
def test_a_block_comes_in_pieces_of_bounded_size(line: bytes) -> None:
    """However short its lines are, a block is handed on in pieces, numbered and with the bytes that are left."""
    block = line * (1_000_000 // len(line)) + b"{"
    splitter = LineSplitter()
    number = size = 0
    for lines in splitter.feed(block):
        assert lines.first == number + 1
        assert len(lines.lines) <= 24_000
        number += len(lines.lines)
        size += sum(map(len, lines.lines))
        assert splitter.held_bytes == len(block) - size
    assert number == 1_000_000 // len(line)
    assert splitter.close().lines == (b"{",)


def test_a_line_that_was_dropped_counts_as_held() -> None:
    """A position in the middle of a line that is too long is not the end of a record: reading resumes before it."""
    splitter = LineSplitter()
    block = b"{}\n" + b"x" * (MAX_LINE_BYTES + 1)
    (lines,) = splitter.feed(block)
    assert len(block) - splitter.held_bytes == len(b"".join(lines.lines))
    assert not list(splitter.feed(b"x"))
    (lines,) = splitter.feed(b"x\n{}\n")
    assert (lines.too_long, lines.first, lines.lines) == ([(2, MAX_LINE_BYTES + 3)], 3, [b"{}\n"])
    assert splitter.held_bytes == 0
