"""Checkpoints: how far everything of a source has settled, so that a later run goes on from there. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.jobs.model.chunks import Position
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.model.source_identity import SourceIdentity

_VERSION: Final = 2


class Target(msgspec.Struct, frozen=True):
    """Where records go; no part of it is a secret.

    Attributes:
        url: Address of the endpoint.
        project_id: The project's number, or "" where it is not known.
        token: A 64-bit hash of the project token where the token says which project it is, else "".
    """

    url: str = ""
    project_id: str = ""
    token: str = ""

    def difference(self, wanted: "Target") -> str:
        """Return how another target differs from this one, or "" if it does not, as far as is known."""
        if self.url != wanted.url:
            return f"to {self.url}, not to {wanted.url}"
        if self.token and wanted.token:
            return "" if self.token == wanted.token else "to the project of another token"
        if self.project_id and wanted.project_id and self.project_id != wanted.project_id:
            return f"to project {self.project_id}, not to project {wanted.project_id}"
        return ""

    def completed(self, other: "Target") -> "Target":
        """Return this target, with what is only known of an equal one."""
        return Target(self.url, self.project_id or other.project_id, self.token or other.token)


class JobIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What tells a job from another one.

    Attributes:
        sources: The files that are read, in their order.
        target: Where their records go.
        mapping: What the records become.
        function: The caller's function that they go through: its name and a hash of it, or "".
        exact_dedupe: Whether all repeats are found, at whatever distance.
    """

    sources: tuple[SourceIdentity, ...] = ()
    target: Target = Target()
    mapping: str = ""
    function: str = ""
    exact_dedupe: bool = False


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
        job: What it belongs to.
        place: Everything before it has settled.
        counts: What became of it.
        letters_from: Size of the dead letters' file before the import began.
        seen: By which the store of the events that were seen is known; "" without exact dedupe.
        is_done: Whether the sources were read to their end, and there is nothing left to be sent.
        version: Of this form.
    """

    job: JobIdentity
    place: Position = Position()
    counts: Counts = Counts()
    letters_from: int = 0
    seen: str = ""
    is_done: bool = False
    version: int = _VERSION


class _Form(msgspec.Struct):
    version: int


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return what is to be written of a checkpoint."""
    return msgspec.json.encode(checkpoint) + b"\n"


def token_hash(token: str) -> str:
    """Return by what a checkpoint knows a project token again."""
    return hashlib.blake2b(token.encode(), digest_size=8).hexdigest()


def read_checkpoint(path: str, text: bytes, job: JobIdentity) -> Checkpoint:
    """Return a checkpoint that fits what is to be done.

    Args:
        path: Where it stands, for errors.
        text: What stands there.
        job: What is to be done.

    Raises:
        InvalidSettingError: It is no checkpoint, or one of other files, another target or other options.
    """
    try:
        version = msgspec.json.decode(text, type=_Form).version
        if version != _VERSION:
            raise InvalidSettingError(f"{path} was written by another version; finish with that one, or remove it")
        found = msgspec.json.decode(text, type=Checkpoint)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidSettingError(f"{path} is no checkpoint; name another file or remove it") from None
    old = found.job
    _check_sources(path, old.sources, job.sources)
    difference = old.target.difference(job.target)
    if difference and found.place != Position():  # where nothing has settled, everything is sent to the new target
        raise InvalidSettingError(f"{path} belongs to an import {difference}; {_ADVICE}")
    if old.mapping != job.mapping:
        raise InvalidSettingError(f"{path} belongs to an import with other options for records; {_ADVICE}")
    if old.function != job.function:
        raise InvalidSettingError(f"the function for records has changed since {path} was written; {_ADVICE}")
    if old.exact_dedupe != job.exact_dedupe:
        with_or_without = "with" if old.exact_dedupe else "without"
        raise InvalidSettingError(f"{path} belongs to an import {with_or_without} exact dedupe; {_ADVICE}")
    target = job.target if difference else job.target.completed(old.target)
    return msgspec.structs.replace(found, job=msgspec.structs.replace(job, target=target))


def _check_sources(path: str, found: Sequence[SourceIdentity], wanted: Sequence[SourceIdentity]) -> None:
    if len(found) != len(wanted):
        raise InvalidSettingError(f"{path} is of {len(found)} files, this import of {len(wanted)}; {_ADVICE}")
    for old, new in zip(found, wanted, strict=True):
        if old.path != new.path:
            raise InvalidSettingError(f"{path} belongs to {old.path}, not to {new.path}; {_ADVICE}")
        if old != new:
            sizes = f"{old.size:,} bytes then, {new.size:,} now"
            raise InvalidSettingError(f"{new.path} has changed since {path} was written ({sizes}); {_ADVICE}")


_ADVICE: Final = "name another checkpoint, or remove it to start again"
