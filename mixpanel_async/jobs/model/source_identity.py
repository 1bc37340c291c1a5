"""Path, size and head hash of a source file."""

import hashlib
from typing import Final

import msgspec

IDENTITY_BYTES: Final = 65_536


class SourceIdentity(msgspec.Struct, frozen=True):
    """Identifies a file and detects that it changed.

    Attributes:
        path: Path or URL of the file.
        size: Size in bytes, as stored.
        head: A 128-bit hash of its first 64 KiB, as stored.
        modified: When its content was last changed, in nanoseconds since 1970; 0 if unknown.
        inode: Its number in the file system; 0 if unknown.
        samples: A hash of parts from all over the file; "" if unknown.
    """

    path: str
    size: int
    head: str
    modified: int = 0
    inode: int = 0
    samples: str = ""

    def difference(self, other: "SourceIdentity") -> str:
        """Return how the file at the same path differs now, or "" if no difference is known."""
        if (self.size, self.head) != (other.size, other.head):
            return f"{self.size:,} bytes then, {other.size:,} now"
        if self.modified and other.modified and self.modified != other.modified:
            return "it was written again"
        if self.inode and other.inode and self.inode != other.inode:
            return "it is another file of the same name"
        if self.samples and other.samples and self.samples != other.samples:
            return "its content is different"
        return ""


def source_identity(path: str, size: int, head: bytes, *, modified: int = 0, inode: int = 0) -> SourceIdentity:
    """Return the identity of a file.

    Args:
        path: Path or URL of the file.
        size: Size in bytes.
        head: The first 64 KiB.
        modified: When its content was last changed, in nanoseconds since 1970.
        inode: Its number in the file system.
    """
    return SourceIdentity(path, size, hashlib.blake2b(head, digest_size=16).hexdigest(), modified, inode)
