"""How a job runs, whatever it does."""

import asyncio
import os
from collections.abc import Callable
from typing import TypeAlias, TypedDict

import msgspec

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.jobs.model.report import ImportProgress

OnProgress: TypeAlias = Callable[[ImportProgress], None]
PathLike: TypeAlias = str | os.PathLike[str]


class JobArguments(TypedDict, total=False):
    """Arguments that every import takes; each may be left out.

    Attributes:
        checkpoint: File that is kept up to date while the job runs: when the job is run again after it was stopped or
            killed, it goes on behind what has settled. It belongs to the same files, options, server and project.
        dead_letters: File to which each record that was rejected, by the checks here or by Mixpanel, is appended as a
            line of JSON with its place, the reason and the record; `replay_dead_letters` sends events that were
            repaired. What the report counts as undelivered is not promised to be there: the next run with the same
            checkpoint sends it.
        exact_dedupe: Find every repeat in the whole source, not only those among the latest events; for events alone.
            What was seen is kept on disk, some 40 bytes an event: beside the checkpoint as a file `.seen`, which it
            belongs to, else in a temporary file.
        dry_run: Do everything but the sending.
        probe: Send a request without records first, to hear at once of a wrong address or credential. Afterwards an
            outage is outlived: a job's records have a day to be delivered, whatever
            `Settings.delivery_deadline_seconds` says of single ones.
        concurrency: Requests of this job at once; else as many as the client makes.
        on_progress: Called a few times a second, and at the end.
        stop: Set it to end the job early: what was read is delivered and reported, the rest is left.
    """

    checkpoint: PathLike | None
    dead_letters: PathLike | None
    exact_dedupe: bool
    dry_run: bool
    probe: bool
    concurrency: int | None
    on_progress: OnProgress | None
    stop: asyncio.Event | None


class JobOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The same, checked; the fields mean what they mean in `JobArguments`."""

    checkpoint: str | None = None
    dead_letters: str | None = None
    exact_dedupe: bool = False
    is_dry_run: bool = False
    probes: bool = False
    concurrency: int | None = None
    on_progress: OnProgress | None = None
    stop: asyncio.Event | None = None


def read_options(given: JobArguments) -> JobOptions:
    """Return the options that arguments mean.

    Raises:
        InvalidSettingError: One is unknown, out of range, or contradicts another one.
    """
    unknown = given.keys() - JobArguments.__annotations__.keys()
    if unknown:
        raise InvalidSettingError(f"an import has no option {', '.join(sorted(unknown))}")
    checkpoint, dead_letters = given.get("checkpoint"), given.get("dead_letters")
    options = JobOptions(
        checkpoint=_path("checkpoint", checkpoint),
        dead_letters=_path("dead_letters", dead_letters),
        exact_dedupe=given.get("exact_dedupe", False),
        is_dry_run=given.get("dry_run", False),
        probes=given.get("probe", False),
        concurrency=given.get("concurrency"),
        on_progress=given.get("on_progress"),
        stop=given.get("stop"),
    )
    if options.concurrency is not None:
        check_count("concurrency", options.concurrency)
    if options.is_dry_run and options.checkpoint is not None:
        raise InvalidSettingError("a dry run delivers nothing that a checkpoint could speak of; leave one of them out")
    written = [path for path in (options.checkpoint, options.dead_letters) if path is not None]
    if len(set(map(os.path.realpath, written))) < len(written):
        raise InvalidSettingError("the checkpoint and the dead letters must be two files")
    return options


def check_count(name: str, given: object) -> None:
    """Check a number of which there must be some.

    Args:
        name: Of the option.
        given: What the caller gave, of whatever type.

    Raises:
        InvalidSettingError: It is none.
    """
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise InvalidSettingError(f"{name} is {given!r}; it must be a whole number, at least 1")


def _path(name: str, given: PathLike | None) -> str | None:
    path = None if given is None else os.fspath(given)
    if path == "":  # as a variable that is not set makes it
        raise InvalidSettingError(f"{name} is empty; name a file, or leave it out")
    return path
