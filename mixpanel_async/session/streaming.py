"""The body of a streamed reply, inflated as it arrives."""

from collections.abc import AsyncIterator
from typing import Final

from mixpanel_async.codecs.gzip import BROKEN, Decompressor
from mixpanel_async.errors import ConnectionLostError, TruncatedReplyError
from mixpanel_async.session.messages import StreamReply
from mixpanel_async.time_slice import TimeSlice

_MAX_BLOCK_BYTES: Final = 1024 * 1024  # so that a few compressed bytes cannot fill the memory


async def decompressed_stream(reply: StreamReply) -> AsyncIterator[bytes]:
    """Yield a reply's body in blocks of at most 1 MiB each where it is compressed, as it comes where it is not.

    Raises:
        TruncatedReplyError: A compressed body ends before its trailer.
        ConnectionLostError: It cannot be inflated to its last byte.
    """
    if reply.headers.get("content-encoding", "").lower() not in {"gzip", "deflate"}:
        async for chunk in reply.chunks():
            yield chunk
        return
    body = Decompressor()
    time_slice = TimeSlice()
    try:
        async for chunk in reply.chunks():
            for block in body.blocks(chunk, _MAX_BLOCK_BYTES):
                yield block
                # One chunk may decompress to a thousand blocks.
                if time_slice.is_over:
                    await time_slice.next()
    except BROKEN as error:
        raise ConnectionLostError(f"the reply's compressed body is broken: {error}", sent=True) from None
    if not body.is_whole:
        raise TruncatedReplyError("the reply's compressed body ends before its trailer")
