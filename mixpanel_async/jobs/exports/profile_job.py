"""One export of profiles to a file: its pages are read into lines first, and then written in the file's format."""

import asyncio
import logging
import os
import time
from contextlib import aclosing
from functools import partial
from typing import Final

from mixpanel_async.errors import BadRequestError, InvalidArgumentError, NotFoundError
from mixpanel_async.jobs.exports.outputs.formats import OutputFormat, kind_of_file
from mixpanel_async.jobs.exports.outputs.place import is_folder
from mixpanel_async.jobs.exports.profile_check import OnBadProfile, report_bad_profiles
from mixpanel_async.jobs.exports.profile_file import ProfileFile
from mixpanel_async.jobs.exports.profile_options import ProfileExportOptions, ProfileExportReport, check_profile_options
from mixpanel_async.jobs.exports.profile_pages import ProfilePages
from mixpanel_async.jobs.exports.profile_stage import StageFile
from mixpanel_async.jobs.exports.reader import check_keeping
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.redaction import shown

_MAX_RESTARTS: Final = 3
_log = logging.getLogger("mixpanel_async")


async def write_profiles(
    pages: ProfilePages,
    path: str | os.PathLike[str],
    options: ProfileExportOptions,
    *,
    declared_format: OutputFormat | None,
    overwrite: bool,
    resumes: bool,
) -> ProfileExportReport:
    """Write profiles to a file.

    Args:
        pages: Reads the pages.
        path: A file or URL.
        options: What is asked for.
        declared_format: The format; None: what the suffix says.
        overwrite: Whether an existing file is replaced.
        resumes: Whether to go on where an earlier export ended.

    Raises:
        OutputError: The file exists already or cannot be written.
        InvalidArgumentError: Options contradict each other, or those of the earlier export.
        MixpanelError: The profiles did not all arrive.
    """
    on_bad_line = check_profile_options(options)
    started = time.monotonic()
    target = os.fspath(path)
    if await asyncio.to_thread(is_folder, target):
        raise InvalidArgumentError(f"path is invalid: {shown(target)} is a directory; name a file")
    kind = kind_of_file(target, declared_format)
    check_keeping(on_bad_line, kind.format)
    opening = partial(
        ProfileFile,
        target,
        kind,
        key=pages.key(options),
        resumes=resumes,
        overwrite=overwrite,
        is_group=options.get("group_key") is not None,
    )
    thread = WorkerThread("mixpanel_async-export")
    try:
        file = await thread.submit(opening)
        try:
            resumed = await _write(pages, file, thread, options, on_bad_line)
        finally:
            # Shielded: a second cancellation must not leave the files locked.
            await asyncio.shield(thread.submit(file.close))
    finally:
        thread.close()
    return ProfileExportReport(
        profiles=file.stage.stage.profiles,
        line_bytes=file.stage.stage.size,
        written_bytes=file.size,
        files=(file.path,),
        resumed=resumed,
        bad_lines=file.stage.stage.bad_profiles,
        restarts=file.stage.restarts,
        duration_seconds=time.monotonic() - started,
    )


async def _write(
    pages: ProfilePages,
    file: ProfileFile,
    thread: WorkerThread,
    options: ProfileExportOptions,
    on_bad_line: OnBadProfile,
) -> int:
    """Complete a file; return how many of its profiles an earlier export had read."""
    stage = file.stage
    resumed = stage.stage.profiles
    if on_bad_line == "raise":
        await _report_all(file, thread, on_bad_line)  # those of an earlier export that did not raise
    while not await _read_rest(pages, stage, thread, options, on_bad_line):
        resumed = 0
    while await thread.submit(file.copy_some):
        pass
    await thread.submit(file.end)
    # As late as possible: what was reported is not reported again by a resumed export. And before the file appears: one
    # whose bad profiles could not be reported is not complete.
    await _report_all(file, thread, on_bad_line)
    await thread.submit(file.complete)
    return resumed


async def _report_all(file: ProfileFile, thread: WorkerThread, on_bad_line: OnBadProfile) -> None:
    if on_bad_line == "keep" or not file.stage.stage.bad_profiles:
        return
    while bad := await thread.submit(file.some_bad_profiles):
        report_bad_profiles(bad, on_bad_line)


async def _read_rest(
    pages: ProfilePages,
    file: StageFile,
    thread: WorkerThread,
    options: ProfileExportOptions,
    on_bad_line: OnBadProfile,
) -> bool:
    """Read all pages after those of a started export; return False if it has to begin again."""
    try:
        async with aclosing(pages.read(options, file.stage.cursor)) as rest:
            async for page in rest:
                if on_bad_line == "raise":
                    report_bad_profiles(page.bad, on_bad_line)
                lines = page.lines(options.get("group_key"), keeps_bad=on_bad_line == "keep")
                await thread.submit(partial(file.append, lines, page.count, page.bad, page.cursor))
    except (BadRequestError, NotFoundError) as error:
        if file.stage.is_empty or file.restarts >= _MAX_RESTARTS:
            raise
        _log.warning("export of profiles: a further page was refused, the export begins again: %s", error)
        await thread.submit(file.restart)
        return False
    return True
