"""JobOptions: how a job runs, whatever it imports."""

import asyncio
import os
from collections.abc import Callable
from typing import Final, TypeAlias, TypedDict, get_args

import msgspec

from mixpanel_async.config import ForeignToken
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.model.report import ImportProgress

OnProgress: TypeAlias = Callable[[ImportProgress], None]
PathLike: TypeAlias = str | os.PathLike[str]
_FILES: Final = ("checkpoint", "dead_letters")
_FLAGS: Final = ("exact_dedupe", "dry_run", "probe")


class JobOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of every import.

    The keyword arguments of the imports, the options of the command line and their help are made from these fields.

    Attributes:
        checkpoint: Record progress in this file; run the same job again to resume. A checkpoint is valid only for the
            same files, options, server, project and `transform` source.
        dead_letters: Append rejected records to this file, with position and reason. `replay_dead_letters` resends
            events that were fixed. Undelivered records are not in it: a run with the same checkpoint sends them.
        exact_dedupe: Find every duplicate in the whole source, not only among recent events; needs about 40 bytes of
            disk per event. For events only. The events are kept in a file `.seen` beside the checkpoint, or in a
            temporary file.
        foreign_token: What becomes of a record with a project token that is not the client's (default: what the
            client's settings say): `replace` (counted in the report), `reject` or, for profiles and groups, `keep`.
        dry_run: Do everything except sending.
        probe: Send an empty request first, so that a wrong URL or credential is reported at once. Afterwards an outage
            does not end the job: its records are retried for a day.
        concurrency: Maximum number of requests in flight (default: the client's).
        on_progress: Called several times a second, and at the end.
        stop: Set this event to stop early. Records that were read are delivered and reported.

    Raises:
        InvalidArgumentError: An option is invalid or contradicts another one.

    Example:
        ```python
        report = await mp.import_events("events.ndjson", dead_letters="rejected.ndjson", concurrency=2)
        ```
    """

    checkpoint: PathLike | None = None
    dead_letters: PathLike | None = None
    exact_dedupe: bool = False
    foreign_token: ForeignToken | None = None
    dry_run: bool = False
    probe: bool = False
    concurrency: int | None = None
    on_progress: OnProgress | None = None
    stop: asyncio.Event | None = None

    def __post_init__(self) -> None:
        for name in _FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise InvalidArgumentError(f"{name} is invalid: {getattr(self, name)!r} is not True or False")
        if self.foreign_token is not None and self.foreign_token not in get_args(ForeignToken):
            raise InvalidArgumentError(
                f"foreign_token is invalid: {self.foreign_token!r} is unknown; choose replace, reject or keep"
            )
        for name in _FILES:
            if self._path(name) == "":  # as from an environment variable that is not set
                raise InvalidArgumentError(f"{name} is invalid: the path is empty; name a file, or omit it")
        if self.concurrency is not None:
            check_count("concurrency", self.concurrency)
        if self.dry_run and self.checkpoint is not None:
            raise InvalidArgumentError("checkpoint is invalid: a dry run delivers nothing; omit checkpoint or dry_run")
        if len(set(map(os.path.realpath, self.written_files))) < len(self.written_files):
            raise InvalidArgumentError("checkpoint is invalid: it is the file of the dead letters; name two files")

    @property
    def checkpoint_path(self) -> str | None:
        """Path of the checkpoint."""
        return self._path("checkpoint")

    @property
    def dead_letters_path(self) -> str | None:
        """Path of the dead letter file."""
        return self._path("dead_letters")

    @property
    def written_files(self) -> list[str]:
        """Paths of the files that the job writes."""
        return [path for name in _FILES if (path := self._path(name)) is not None]

    def _path(self, name: str) -> str | None:
        given: PathLike | None = getattr(self, name)
        return None if given is None else os.fspath(given)


class JobArguments(TypedDict, total=False):
    """The fields of `JobOptions` as keyword arguments."""

    checkpoint: PathLike | None
    dead_letters: PathLike | None
    exact_dedupe: bool
    foreign_token: ForeignToken | None
    dry_run: bool
    probe: bool
    concurrency: int | None
    on_progress: OnProgress | None
    stop: asyncio.Event | None


def check_count(name: str, count: object) -> None:
    """Check a number that must be at least 1.

    Args:
        name: Name of the argument.
        count: Its value.

    Raises:
        InvalidArgumentError: `count` is not an integer of at least 1.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise InvalidArgumentError(f"{name} is invalid: {count!r} is not an integer of at least 1")
