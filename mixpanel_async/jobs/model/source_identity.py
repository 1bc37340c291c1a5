"""Path, size and head hash of a source file."""

import hashlib
from typing import Final

import msgspec

HEAD_BYTES: Final = 65_536


class SourceIdentity(msgspec.Struct, frozen=True):
    """Identifies a file and detects that it changed.

    Attributes:
        path: Path or URL of the file.
        size: Size in bytes, as stored.
        head: A 128-bit hash of its first 64 KiB, as stored.
    """

    path: str
    size: int
    head: str


def source_identity(path: str, size: int, head: bytes) -> SourceIdentity:
    """Return the identity of a file.

    Args:
        path: Path or URL of the file.
        size: Size in bytes.
        head: The first 64 KiB.
    """
    return SourceIdentity(path, size, hashlib.blake2b(head, digest_size=16).hexdigest())
