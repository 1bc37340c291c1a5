"""Gzip files read in blocks of any size: every byte before a damage is read, then the damage is an error."""

import gzip
import io
import random

import pytest

from mixpanel_async.codecs.gzip import BROKEN, GzipReader

DATA = random.Random(1).randbytes(30_000) + b"abc" * 100_000
PACKED = gzip.compress(DATA[:150_000], mtime=0) + gzip.compress(DATA[150_000:], mtime=0)


def read(packed: bytes, size: int) -> tuple[bytes, str]:
    """Read a file in blocks of a size; return what was read and the name of the error that ended it."""
    file = io.BufferedReader(GzipReader(io.BufferedReader(io.BytesIO(packed))), 1 << 16)
    found = b""
    try:
        while part := file.read1(size):
            found += part
    except (EOFError, OSError, *BROKEN) as error:
        return found, type(error).__name__
    return found, ""


@pytest.mark.parametrize("size", [1000, 65_536, 65_537, 1 << 20])
@pytest.mark.parametrize("after", [b"", b"\0" * 20, b"garbage"])
def test_whole_files(size: int, after: bytes) -> None:
    """All members are read, whatever the size of the blocks and whatever follows the last member."""
    assert read(PACKED + after, size) == (DATA, "")


@pytest.mark.parametrize("cut", random.Random(2).sample(range(1, len(PACKED)), 60))
def test_cut_files(cut: int) -> None:
    """A file that is cut anywhere gives the same bytes in large blocks as in small ones, and then the same error."""
    found, error = read(PACKED[:cut], 1 << 20)
    assert DATA.startswith(found)
    assert (found, error) == read(PACKED[:cut], 1000)
    assert error or len(found) in {150_000, len(DATA)}
