"""Path, size and head hash of a source file."""

import hashlib
from typing import Final

import msgspec

HEAD_BYTES: Final = 65_536


class SourceIdentity(msgspec.Struct, frozen=True):
    """What tells a file from another one, or from itself after a change.

    Attributes:
        path: Where it is.
        size: Its bytes.
        head: A 128-bit hash of its first 64 KiB, as they are stored.
    """

    path: str
    size: int
    head: str


def source_identity(path: str, size: int, head: bytes) -> SourceIdentity:
    """Return the identity of a file.

    Args:
        path: Where it is.
        size: Its bytes.
        head: Its first 64 KiB.
    """
    return SourceIdentity(path, size, hashlib.blake2b(head, digest_size=16).hexdigest())
