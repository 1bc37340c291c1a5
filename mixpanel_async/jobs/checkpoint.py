"""Checkpoints: how far everything of a source has settled, so that a later run goes on from there. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from mixpanel_async.errors import InvalidSetting
from mixpanel_async.jobs.pieces import Place
from mixpanel_async.jobs.tally import Tally

HEAD_BYTES: Final = 65_536
_VERSION: Final = 1


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


class Counts(msgspec.Struct, frozen=True):
    """A tally, as it is written."""

    read: int = 0
    imported: int = 0
    duplicates: int = 0
    rejected: Mapping[str, int] = {}
    skipped: Mapping[str, int] = {}
    changed: Mapping[str, int] = {}

    @classmethod
    def of(cls, tally: Tally) -> "Counts":
        """Return what is to be written of a tally."""
        reasons = dict(tally.rejected), dict(tally.skipped), dict(tally.changed)
        return cls(tally.read, tally.imported, tally.duplicates, *reasons)

    def tally(self) -> Tally:
        """Return a tally that goes on from here."""
        tally = Tally()
        tally.read, tally.imported, tally.duplicates = self.read, self.imported, self.duplicates
        tally.rejected.update(self.rejected)
        tally.skipped.update(self.skipped)
        tally.changed.update(self.changed)
        return tally


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint file says.

    Attributes:
        sources: The files that are imported, in their order.
        mapping: What the records become.
        place: Everything before it has settled.
        counts: What became of it.
        letters_from: Size of the dead letters' file before the import began.
        is_done: Whether the sources were read to their end, and everything has settled.
        version: Of this form.
    """

    sources: tuple[SourceIdentity, ...]
    mapping: str
    place: Place = Place()
    counts: Counts = Counts()
    letters_from: int = 0
    is_done: bool = False
    version: int = _VERSION


def identity(path: str, size: int, head: bytes) -> SourceIdentity:
    """Return the identity of a file.

    Args:
        path: Where it is.
        size: Its bytes.
        head: Its first 64 KiB.
    """
    return SourceIdentity(path, size, hashlib.blake2b(head, digest_size=16).hexdigest())


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return what is to be written of a checkpoint."""
    return msgspec.json.encode(checkpoint) + b"\n"


def read_checkpoint(path: str, text: bytes, sources: tuple[SourceIdentity, ...], mapping: str) -> Checkpoint:
    """Return a checkpoint that fits what is to be imported.

    Args:
        path: Where it stands, for errors.
        text: What stands there.
        sources: The files that are to be imported.
        mapping: What the records are to become.

    Raises:
        InvalidSetting: It is no checkpoint, or one of other files or another mapping.
    """
    try:
        found = msgspec.json.decode(text, type=Checkpoint)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidSetting(f"{path} is no checkpoint; name another file or remove it") from None
    if found.version != _VERSION:
        raise InvalidSetting(f"{path} was written by another version; finish with that one, or remove it")
    if len(found.sources) != len(sources):
        raise InvalidSetting(f"{path} is of {len(found.sources)} files, this import of {len(sources)}; {_ADVICE}")
    for old, new in zip(found.sources, sources, strict=True):
        if old.path != new.path:
            raise InvalidSetting(f"{path} belongs to {old.path}, not to {new.path}; {_ADVICE}")
        if old != new:
            sizes = f"{old.size:,} bytes then, {new.size:,} now"
            raise InvalidSetting(f"{new.path} has changed since {path} was written ({sizes}); {_ADVICE}")
    if found.mapping != mapping:
        raise InvalidSetting(f"{path} belongs to an import with other options for records; {_ADVICE}")
    return found


_ADVICE: Final = "name another checkpoint, or remove it to start again"
