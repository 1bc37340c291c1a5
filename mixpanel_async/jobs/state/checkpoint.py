"""Checkpoints: the format of the file, and whether a checkpoint belongs to a job."""

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.model.chunks import Position
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.model.source_group import Identities, SourceGroup
from mixpanel_async.jobs.model.source_identity import SourceIdentity

_VERSION: Final = 2
_ADVICE: Final = "name another checkpoint, or remove it to start again"


class Target(msgspec.Struct, frozen=True):
    """Where records go; contains no secret.

    Attributes:
        url: URL of the endpoint.
        project_id: Project ID, or "" if unknown.
        token: A 64-bit hash of the project token if the token determines the project, else "".
    """

    url: str = ""
    project_id: str = ""
    token: str = ""

    def difference(self, wanted: "Target") -> str:
        """Return how another target differs from this one, or "" if no difference is known."""
        if self.url != wanted.url:
            return f"to {self.url}, not to {wanted.url}"
        # A token determines the project; a project ID may be missing, or stand beside a token of another project.
        if self.token and wanted.token:
            return "" if self.token == wanted.token else "to the project of another token"
        if self.project_id and wanted.project_id and self.project_id != wanted.project_id:
            return f"to project {self.project_id}, not to project {wanted.project_id}"
        return ""

    def completed(self, other: "Target") -> "Target":
        """Return this target, with fields that only an equal target knows."""
        return Target(self.url, self.project_id or other.project_id, self.token or other.token)


class JobIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint belongs to.

    Attributes:
        sources: The files that are read, in order; empty if there are many.
        groups: The same in groups, if there are many.
        target: Where their records go.
        mapping: Fingerprint of the options that decide what the records become.
        function: Fingerprint of the transform function, or "".
        exact_dedupe: Whether all duplicates are found, at any distance.
    """

    sources: tuple[SourceIdentity, ...] = ()
    groups: tuple[SourceGroup, ...] = ()
    target: Target = Target()
    mapping: str = ""
    function: str = ""
    exact_dedupe: bool = False

    @property
    def identities(self) -> Identities:
        """What identifies the files."""
        return Identities(self.sources, self.groups)


class Counts(msgspec.Struct, frozen=True):
    """A tally in a checkpoint."""

    read: int = 0
    imported: int = 0
    duplicates: int = 0
    rejected: Mapping[str, int] = {}
    skipped: Mapping[str, int] = {}
    changed: Mapping[str, int] = {}
    noticed: Mapping[str, int] = {}

    @classmethod
    def of(cls, tally: Tally) -> "Counts":
        """Return the counts of a tally."""
        reasons = dict(tally.rejected), dict(tally.skipped), dict(tally.changed), dict(tally.noticed)
        return cls(tally.read, tally.imported, tally.duplicates, *reasons)

    def tally(self) -> Tally:
        """Return a tally that starts with these counts."""
        tally = Tally()
        tally.read, tally.imported, tally.duplicates = self.read, self.imported, self.duplicates
        tally.rejected.update(self.rejected)
        tally.skipped.update(self.skipped)
        tally.changed.update(self.changed)
        tally.noticed.update(self.noticed)
        return tally


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a checkpoint file.

    Attributes:
        job: What the checkpoint belongs to.
        position: All records before this position have settled.
        counts: Outcomes of those records.
        dead_letters_start: Size of the dead letter file before the import began.
        dedupe_store: Identifies the store of exact dedupe that belongs to the checkpoint; "" without exact dedupe.
        is_done: Whether the sources were read to their end and nothing is left to send.
        version: Version of the format.
        hash: Hash of all that, so that damage is found; "" in a checkpoint of 0.1.0.
    """

    job: JobIdentity
    # The names in the file are those of version 2, so that checkpoints of earlier releases stay valid.
    position: Position = msgspec.field(name="place", default=Position())
    counts: Counts = Counts()
    dead_letters_start: int = msgspec.field(name="letters_from", default=0)
    dedupe_store: str = msgspec.field(name="seen", default="")
    is_done: bool = False
    version: int = _VERSION
    hash: str = ""


class _Format(msgspec.Struct):
    version: int


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return the content of a checkpoint file."""
    text = msgspec.json.encode(msgspec.structs.replace(checkpoint, hash=""))
    return text.removesuffix(_ending("")) + _ending(hashlib.blake2b(text, digest_size=16).hexdigest()) + b"\n"


def _ending(found: str) -> bytes:
    """Return how a checkpoint with a hash ends."""
    return b'"hash":"%b"}' % found.encode()


def _has_its_hash(text: bytes, found: str) -> bool:
    """Return whether the text of a checkpoint has the hash that it says; later fields do not change that of earlier."""
    text = text.rstrip(b"\n")
    without = text.removesuffix(_ending(found)) + _ending("")
    return text.endswith(_ending(found)) and found == hashlib.blake2b(without, digest_size=16).hexdigest()


def _is_sound(checkpoint: Checkpoint, text: bytes) -> bool:
    """Return whether a checkpoint is as it was written, as far as its version can tell."""
    position, counts = checkpoint.position, checkpoint.counts
    tallies = (counts.rejected, counts.skipped, counts.changed, counts.noticed)
    numbers = [
        *(position.file, position.number, position.offset, checkpoint.dead_letters_start),
        *(counts.read, counts.imported, counts.duplicates),
        *(count for tally in tallies for count in tally.values()),
    ]
    settled = counts.imported + counts.duplicates + sum(counts.rejected.values()) + sum(counts.skipped.values())
    if min(numbers) < 0 or settled != counts.read or position.file >= max(1, checkpoint.job.identities.count):
        return False
    return not checkpoint.hash or _has_its_hash(text, checkpoint.hash)


def token_fingerprint(token: str) -> str:
    """Return the hash by which a checkpoint recognises a project token."""
    return hashlib.blake2b(token.encode(), digest_size=8).hexdigest()


def read_checkpoint(path: str, text: bytes, job: JobIdentity) -> Checkpoint:
    """Return a checkpoint that belongs to a job.

    Args:
        path: Path of the checkpoint, for errors.
        text: Content of the file.
        job: The job to resume.

    Raises:
        InvalidArgumentError: The file is not a checkpoint, or belongs to other files, another target or other options.
    """
    # The version is read first: a later version may have other fields.
    try:
        version = msgspec.json.decode(text, type=_Format).version
        if version != _VERSION:
            raise InvalidArgumentError(
                f"checkpoint {path} was written by another version of mixpanel_async; finish with that version, or "
                "remove it"
            )
        found = msgspec.json.decode(text, type=Checkpoint)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidArgumentError(f"{path} is not a checkpoint file; name another file or remove it") from None
    if not _is_sound(found, text):
        raise InvalidArgumentError(f"checkpoint {path} is damaged; remove it to start again")
    old = found.job
    _check_sources(path, old.identities, job.identities)
    difference = old.target.difference(job.target)
    if difference and found.position != Position():  # nothing was settled: all records can go to the new target
        raise InvalidArgumentError(f"checkpoint {path} belongs to an import {difference}; {_ADVICE}")
    if old.mapping != job.mapping:
        raise InvalidArgumentError(
            f"checkpoint {path} belongs to an import with other format or mapping options; {_ADVICE}"
        )
    if old.function != job.function:
        raise InvalidArgumentError(f"the transform function has changed since {path} was written; {_ADVICE}")
    if old.exact_dedupe != job.exact_dedupe:
        with_or_without = "with" if old.exact_dedupe else "without"
        raise InvalidArgumentError(f"checkpoint {path} belongs to an import {with_or_without} exact dedupe; {_ADVICE}")
    # Keep what only the earlier run knew, so that a third run is compared with all of it.
    target = job.target if difference else job.target.completed(old.target)
    return msgspec.structs.replace(found, job=msgspec.structs.replace(job, target=target))


def _check_sources(path: str, found: Identities, wanted: Identities) -> None:
    if found.count != wanted.count:
        raise InvalidArgumentError(
            f"checkpoint {path} covers {found.count} files, but this import has {wanted.count}; {_ADVICE}"
        )
    if wanted.groups:  # an earlier release listed all files
        for then, now in zip(found.as_groups(), wanted.groups, strict=True):
            if difference := then.difference(now):
                raise InvalidArgumentError(f"{difference} since {path} was written; {_ADVICE}")
        return
    for old, new in zip(found.files, wanted.files, strict=True):
        if old.path != new.path:
            raise InvalidArgumentError(f"checkpoint {path} belongs to {old.path}, not to {new.path}; {_ADVICE}")
        if difference := old.difference(new):
            raise InvalidArgumentError(f"{new.path} has changed since {path} was written ({difference}); {_ADVICE}")
