"""Identities of many files in bounded memory: one hash for each thousand of them."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from mixpanel_async.jobs.model.source_identity import SourceIdentity

MAX_LISTED: Final = 200  # a checkpoint holds the identity of each file of a source that has so many
GROUP_FILES: Final = 1000


class SourceGroup(msgspec.Struct, frozen=True):
    """Consecutive files of a source.

    Attributes:
        first: Path of the first one.
        last: Path of the last one.
        count: Number of files.
        content: A hash of their paths, sizes and beginnings.
        status: A hash of when each was changed and its number in the file system; "" if unknown for one of them.
    """

    first: str
    last: str
    count: int
    content: str
    status: str = ""

    def difference(self, other: "SourceGroup") -> str:
        """Return how the same files differ now, or "" if no difference is known."""
        span = f"one of the {self.count:,} files from {self.first} to {self.last}"
        if (self.count, self.content) != (other.count, other.content):
            return f"{span} has changed its path, size or beginning"
        if self.status and other.status and self.status != other.status:
            return f"{span} was written again, or replaced"
        return ""


class Identities(msgspec.Struct, frozen=True):
    """What identifies the files of a source.

    Attributes:
        files: The identity of each file; empty if there are many.
        groups: All files in groups, if there are many; else empty.
    """

    files: tuple[SourceIdentity, ...] = ()
    groups: tuple[SourceGroup, ...] = ()

    @property
    def count(self) -> int:
        """Number of files."""
        return len(self.files) or sum(group.count for group in self.groups)

    def as_groups(self) -> tuple[SourceGroup, ...]:
        """Return all files in groups."""
        return self.groups or tuple(_grouped(iter(self.files)))


def identities_of(count: int, found: Iterable[SourceIdentity]) -> Identities:
    """Return what identifies the files of a source.

    Args:
        count: Number of files.
        found: Their identities, taken one by one.
    """
    return Identities(tuple(found)) if count <= MAX_LISTED else Identities(groups=tuple(_grouped(iter(found))))


def _grouped(found: Iterator[SourceIdentity]) -> Iterator[SourceGroup]:
    while files := list(itertools.islice(found, GROUP_FILES)):
        yield group_of(files)


def group_of(files: Sequence[SourceIdentity]) -> SourceGroup:
    """Return some files as a group."""
    content, status = hashlib.blake2b(digest_size=16), hashlib.blake2b(digest_size=16)
    for file in files:
        content.update(msgspec.json.encode((file.path, file.size, file.head)))
        status.update(msgspec.json.encode((file.modified, file.inode)))
    is_known = all(file.modified and file.inode for file in files)
    return SourceGroup(
        files[0].path, files[-1].path, len(files), content.hexdigest(), status.hexdigest() if is_known else ""
    )
