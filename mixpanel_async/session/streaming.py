"""The body of a streamed reply, inflated as it arrives."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from mixpanel_async.codecs.gzip import BROKEN, COMPRESSED_ENCODINGS, Decompressor
from mixpanel_async.errors import ConnectionLostError, RequestTimeoutError, TruncatedReplyError
from mixpanel_async.session.messages import StreamReply
from mixpanel_async.time_slice import TimeSlice

_SPEED_SECONDS: Final = 60.0
# So that a few compressed bytes cannot fill the memory, and what is read next is still in the processor's cache.
_MAX_BLOCK_BYTES: Final = 128 * 1024


class SpeedWatch:
    """Notices a reply that arrives too slowly. Only the time counts in which the reply is waited for.

    Args:
        min_bytes_per_second: Least speed, on average over a minute of waiting; 0: none.
    """

    def __init__(self, min_bytes_per_second: float) -> None:
        self._min = min_bytes_per_second
        self._bytes = 0
        self._seconds = 0.0

    def note(self, size: int, seconds: float) -> None:
        """Count bytes that arrived, and the seconds for which they were waited for.

        Raises:
            RequestTimeoutError: They arrive too slowly.
        """
        self._bytes += size
        self._seconds += seconds
        if self._seconds < _SPEED_SECONDS:
            return
        speed = self._bytes / self._seconds
        if speed < self._min:
            raise RequestTimeoutError(
                f"the reply arrives at {speed:,.0f} bytes/s, and at least {self._min:,.0f} are expected", sent=True
            )
        self._bytes, self._seconds = 0, 0.0


async def decompressed_stream(reply: StreamReply, watch: SpeedWatch | None = None) -> AsyncIterator[bytes]:
    """Yield a reply's body in blocks of at most 128 KiB each where it is compressed, as it comes where it is not.

    Args:
        reply: A reply whose body was not read.
        watch: Notices a reply that arrives too slowly; None: any speed will do.

    Raises:
        TruncatedReplyError: A compressed body ends before its trailer.
        ConnectionLostError: It cannot be inflated to its last byte.
        RequestTimeoutError: It arrives too slowly.
    """
    chunks = reply.chunks() if watch is None else _watched(reply, watch)
    if reply.headers.get("content-encoding", "").lower() not in COMPRESSED_ENCODINGS:
        async for chunk in chunks:
            yield chunk
        return
    body = Decompressor()
    time_slice = TimeSlice()
    try:
        async for chunk in chunks:
            for block in body.blocks(chunk, _MAX_BLOCK_BYTES):
                yield block
                # One chunk may decompress to a thousand blocks.
                if time_slice.is_over:
                    await time_slice.next()
    except BROKEN as error:
        raise ConnectionLostError(f"the reply's compressed body is broken: {error}", sent=True) from None
    if not body.is_whole:
        raise TruncatedReplyError("the reply's compressed body ends before its trailer")


async def _watched(reply: StreamReply, watch: SpeedWatch) -> AsyncIterator[bytes]:
    time = asyncio.get_running_loop().time
    asked = time()
    async for chunk in reply.chunks():
        watch.note(len(chunk), time() - asked)
        yield chunk
        asked = time()
