"""Splitting an export into lines."""

import pytest

from mixpanel_async.codecs.lines import MAX_LINE_BYTES
from mixpanel_async.errors import UnexpectedReplyError
from mixpanel_async.jobs.exports.line_check import LineCutter


def test_a_line_without_an_end_is_an_error() -> None:
    """A line longer than any event ends the export; it is not read into memory to its end."""
    cutter = LineCutter()
    assert cutter.take([b"x" * MAX_LINE_BYTES]) == b""
    with pytest.raises(UnexpectedReplyError, match="longer than 8,000,000 bytes"):
        cutter.take([b"x"])
