"""The first bytes of a file, which tell what it is."""

import io
from typing import Final

HEAD_BYTES: Final = 512
_SURE_BYTES: Final = 4  # of a magic number, or of text behind what is blank
_BOM: Final = b"\xef\xbb\xbf"


def with_head(file: io.BufferedReader) -> tuple[io.BufferedReader, bytes]:
    """Return a file and its first bytes, which are still to be read from it.

    A pipe may give a single byte at first. It is waited for a few, but not for as many as a block has: whoever feeds it
    slowly is not kept waiting.

    Args:
        file: Nothing has been read of it.
    """
    head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
    if _tells(head):
        return file, head
    found = b""
    while not _tells(found) and len(found) < HEAD_BYTES and (more := file.read(1)):
        found += more
    return io.BufferedReader(_Continued(found, file)), found


def _tells(head: bytes) -> bool:
    return len(head.removeprefix(_BOM).lstrip()) >= _SURE_BYTES


class _Continued(io.RawIOBase):
    """Bytes that were read, and the file behind them."""

    def __init__(self, start: bytes, file: io.BufferedReader) -> None:
        super().__init__()
        self._start = start
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        if self._start:
            found, self._start = self._start[: len(buffer)], self._start[len(buffer) :]
        else:
            found = self._file.read1(len(buffer))
        buffer[: len(found)] = found
        return len(found)
