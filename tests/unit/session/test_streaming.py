import gzip
import zlib
from collections.abc import AsyncIterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.errors import ConnectionLostError, RequestTimeoutError, TruncatedReplyError
from mixpanel_async.session.streaming import SpeedWatch, decompressed_stream

MIB = 1024 * 1024


class Stream:
    """A reply that arrives in pieces of a given size."""

    status = 200
    is_framed = True

    def __init__(self, body: bytes, size: int, encoding: str) -> None:
        self.headers: Mapping[str, str] = {"content-encoding": encoding}
        self._pieces = [body[start : start + size] for start in range(0, len(body), size)]

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece

    async def read_error(self) -> bytes:
        return b""


async def pieces_of(body: bytes, size: int, encoding: str = "gzip") -> list[bytes]:
    return [piece async for piece in decompressed_stream(Stream(body, size, encoding))]


@given(st.binary(max_size=500), st.integers(1, 50), st.sampled_from(["gzip", "deflate", "", "identity"]))
async def test_any_body_in_any_pieces(body: bytes, size: int, encoding: str) -> None:
    """Whatever the encoding and the pieces, the decompressed body is complete."""
    packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body)}.get(encoding, body)
    assert b"".join(await pieces_of(packed, size, encoding)) == body


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=5), st.integers(1, 50))
async def test_several_members_are_one_body(bodies: list[bytes], size: int) -> None:
    """Several gzip members, as proxies and log files join them, are one body."""
    packed = b"".join(gzip.compress(body) for body in bodies)
    assert b"".join(await pieces_of(packed, size)) == b"".join(bodies)


@pytest.mark.parametrize("mebibytes", [1, 2, 5])
async def test_a_few_compressed_bytes_do_not_fill_the_memory(mebibytes: int) -> None:
    """A body that expands a thousandfold is complete and comes in pieces of at most 1 MiB."""
    found = await pieces_of(gzip.compress(bytes(mebibytes * MIB)), 100_000)
    assert max(len(piece) for piece in found) <= MIB
    assert sum(len(piece) for piece in found) == mebibytes * MIB
    found = await pieces_of(gzip.compress(b"x") + gzip.compress(bytes(mebibytes * MIB)), 100_000)
    assert max(len(piece) for piece in found) <= MIB
    assert sum(len(piece) for piece in found) == mebibytes * MIB + 1


@pytest.mark.parametrize("cut", [1, 4, 8, 20])
async def test_a_cut_body_raises(cut: int) -> None:
    """A body without its trailer raises."""
    with pytest.raises(TruncatedReplyError):
        await pieces_of(gzip.compress(b"x" * 1000)[:-cut], 10)


@pytest.mark.parametrize("size", [1, 10, 1000])
@pytest.mark.parametrize(
    "rest",
    [b"\x00", b'{"event":"more"}', gzip.compress(b"y" * 99)[:-1], gzip.compress(b"y")[:1]],
    ids=["zero", "text", "cut", "begun"],
)
async def test_what_follows_a_body_is_never_dropped(rest: bytes, size: int) -> None:
    """Bytes after a gzip member that are not a complete member raise."""
    with pytest.raises((TruncatedReplyError, ConnectionLostError)):
        await pieces_of(gzip.compress(b"x" * 1000) + rest, size)


async def test_a_broken_body_raises() -> None:
    """A body that claims to be gzip and is not raises."""
    with pytest.raises(ConnectionLostError):
        await pieces_of(b"<html>no gzip</html>", 10)


def test_a_reply_that_trickles() -> None:
    """A reply slower than the least speed over a minute of waiting is a timeout; what the consumer takes is no wait."""
    watch = SpeedWatch(100)
    watch.note(5_000, 59.0)
    watch.note(1_500, 2.0)  # a new minute begins
    for _ in range(59):
        watch.note(10, 1.0)
    with pytest.raises(RequestTimeoutError, match="arrives at 10 bytes/s, and at least 100 are expected"):
        watch.note(10, 1.0)
    unlimited = SpeedWatch(0)
    unlimited.note(0, 10_000.0)
