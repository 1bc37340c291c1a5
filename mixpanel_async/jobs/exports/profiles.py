"""Exports of profiles, in the form that `import_profiles` reads: an export is complete or raises."""

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final, Unpack, cast

import msgspec
import orjson

from mixpanel_async.actions._core.params import Id
from mixpanel_async.actions.query.pagination import Profile, ProfileCursor
from mixpanel_async.actions.query.profiles import ProfileReports
from mixpanel_async.clock import Clock
from mixpanel_async.errors import BadRequestError, InvalidArgumentError, MixpanelError, NotFoundError, RateLimitedError
from mixpanel_async.jobs.exports.outputs.formats import OutputFormat, kind_of_file
from mixpanel_async.jobs.exports.outputs.place import is_folder
from mixpanel_async.jobs.exports.profile_file import ProfileFile
from mixpanel_async.jobs.exports.profile_options import (
    GroupExportOptions,
    ProfileExportOptions,
    ProfileExportReport,
    check_group_options,
)
from mixpanel_async.jobs.exports.profile_stage import StageFile
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.json_types import JSONValue
from mixpanel_async.redaction import shown
from mixpanel_async.session import Session
from mixpanel_async.session.retry import backoff_seconds

_MAX_RESTARTS: Final = 3
_log = logging.getLogger("mixpanel_async")


class _Query(GroupExportOptions, total=False):
    data_group_id: Id | None


class _Page(msgspec.Struct, frozen=True):
    """The profiles of a page that were not read before, and the place after them."""

    profiles: Sequence[Profile]
    cursor: ProfileCursor

    def lines(self, group_key: str | None) -> bytes:
        return b"".join(profile_line(profile, group_key) for profile in self.profiles)


class _Properties(msgspec.Struct):
    raw: msgspec.Raw = msgspec.field(name="$properties", default=msgspec.Raw(b"{}"))


class ProfileExport:
    """Exports user or group profiles.

    Args:
        session: Sends the requests.
        clock: Gives the jitter between attempts.
        max_retries: How often a page is requested again after a 429.
    """

    def __init__(self, session: Session, clock: Clock, max_retries: int) -> None:
        self._session = session
        self._reports = ProfileReports(session)
        self._clock = clock
        self._max_retries = max_retries

    async def profiles(self, **options: Unpack[ProfileExportOptions]) -> AsyncGenerator[dict[str, JSONValue]]:
        """Yield profiles as they arrive; the loop ends without an error only if all profiles were yielded.

        Each profile is a dict with `$distinct_id` and `$properties`, which `import_profiles` reads unchanged. Each page
        counts as one of the 60 queries per hour. When they are used up, the export waits up to an hour for a page and
        then resumes.

        Args:
            **options: See `ProfileExportOptions`: distinct_id, distinct_ids, data_group_id, where, output_properties,
                behaviors, as_of_timestamp, filter_by_cohort, include_all_users, project_id, workspace_id, group_key.

        Raises:
            TruncatedReplyError: Mixpanel sent another number of profiles than it announced.
            InvalidArgumentError: Options contradict each other.
            ApiError: Mixpanel refused the request.
            TransportError: A page did not arrive in any attempt.

        Reference: https://developer.mixpanel.com/reference/engage-query

        Example:
            ```python
            async for profile in mp.export.profiles(where='user["plan"] == "pro"'):
                print(profile["$distinct_id"], profile["$properties"])
            ```
        """
        async with aclosing(self.profile_blocks(**options)) as blocks:
            async for block in blocks:
                for line in block.splitlines():
                    yield cast("dict[str, JSONValue]", msgspec.json.decode(line))  # integers keep all their digits

    async def profile_blocks(self, **options: Unpack[ProfileExportOptions]) -> AsyncGenerator[bytes]:
        """Yield profiles as blocks of JSON lines; their properties are unchanged, byte for byte.

        Args:
            **options: See `ProfileExportOptions`.

        Raises:
            The same as `profiles`.

        Reference: https://developer.mixpanel.com/reference/engage-query

        Example:
            ```python
            async for block in mp.export.profile_blocks():
                print(len(block))
            ```
        """
        check_group_options(options)
        group_key = options.pop("group_key", None)
        async with aclosing(self._pages(cast("_Query", options))) as pages:
            async for page in pages:
                yield page.lines(group_key)

    async def profiles_to_file(
        self,
        path: str | os.PathLike[str],
        *,
        format: OutputFormat | None = None,  # noqa: A002 - the word that everybody uses
        overwrite: bool = False,
        resume: bool = False,
        **options: Unpack[ProfileExportOptions],
    ) -> ProfileExportReport:
        """Write profiles to a file, which `import_profiles` reads as it is, in every format.

        The format is that of the suffix: `.ndjson`, `.jsonl` or `.csv`, also with `.gz` or `.zst` after it, or
        `.parquet`. The tables have the columns `$distinct_id` and `$properties`, those of groups `$group_key`,
        `$group_id` and `$properties`; the properties are the JSON that Mixpanel sent.

        The file appears under its name only when it is complete. If the export ends early, what was read is kept beside
        it, and the same call with `resume=True` goes on after the last page. Mixpanel keeps the result of a query for a
        limited time. If it has forgotten it, that is, if it refuses a further page with HTTP 400 or 404, the export
        begins again, at most three times.

        Args:
            path: A file, or a URL such as `s3://bucket/profiles.csv`: it needs the extra `remote`.
            format: `ndjson`, `csv` or `parquet`, the first two also with `.gz` or `.zst` after them; None: what the
                suffix says.
            overwrite: Whether an existing file is replaced.
            resume: Go on where an earlier call with the same path and options ended; if there is none, begin.
            **options: See `ProfileExportOptions`.

        Raises:
            OutputError: The file exists already or cannot be written.
            InvalidArgumentError: `path` is a directory or has an unknown suffix, or the earlier call had other options.
            MissingExtraError: The format needs a package that is not installed.
            The same as `profiles` otherwise.

        Example:
            ```python
            report = await mp.export.profiles_to_file("pro-users.csv", where='properties["plan"] == "pro"')
            ```

        Reference: https://developer.mixpanel.com/reference/engage-query
        """
        check_group_options(options)
        started = time.monotonic()
        target = os.fspath(path)
        if await asyncio.to_thread(is_folder, target):
            raise InvalidArgumentError(f"path is invalid: {shown(target)} is a directory; name a file")
        opening = partial(
            ProfileFile,
            target,
            kind_of_file(target, format),
            key=self._key(options),
            resumes=resume,
            overwrite=overwrite,
            is_group=options.get("group_key") is not None,
        )
        thread = WorkerThread("mixpanel_async-export")
        try:
            file = await thread.submit(opening)
            resumed = file.stage.stage.profiles
            try:
                while not await self._read_rest(file.stage, thread, options):
                    resumed = 0
                while await thread.submit(file.copy_some):
                    pass
                await thread.submit(file.complete)
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
            restarts=file.stage.restarts,
            duration_seconds=time.monotonic() - started,
        )

    def groups(
        self, group_key: str, data_group_id: Id, **options: Unpack[GroupExportOptions]
    ) -> AsyncGenerator[dict[str, JSONValue]]:
        """Yield group profiles as they arrive, each with `$group_key`, `$group_id` and `$properties`.

        Args:
            group_key: Group key, for example `company`.
            data_group_id: ID that Mixpanel gave to the group key.
            **options: See `GroupExportOptions`.

        Raises:
            The same as `profiles`.

        Reference: https://developer.mixpanel.com/reference/engage-query

        Example:
            ```python
            async for group in mp.export.groups("company", 42):
                print(group["$group_id"], group["$properties"])
            ```
        """
        return self.profiles(**_of_groups(group_key, data_group_id, options))

    def group_blocks(
        self, group_key: str, data_group_id: Id, **options: Unpack[GroupExportOptions]
    ) -> AsyncGenerator[bytes]:
        """Yield group profiles as blocks of JSON lines; their properties are unchanged, byte for byte.

        Args:
            group_key: Group key, for example `company`.
            data_group_id: ID that Mixpanel gave to the group key.
            **options: See `GroupExportOptions`.

        Raises:
            The same as `profiles`.

        Reference: https://developer.mixpanel.com/reference/engage-query

        Example:
            ```python
            async for block in mp.export.group_blocks("company", 42):
                print(len(block))
            ```
        """
        return self.profile_blocks(**_of_groups(group_key, data_group_id, options))

    async def groups_to_file(
        self,
        path: str | os.PathLike[str],
        group_key: str,
        data_group_id: Id,
        *,
        format: OutputFormat | None = None,  # noqa: A002 - the word that everybody uses
        overwrite: bool = False,
        resume: bool = False,
        **options: Unpack[GroupExportOptions],
    ) -> ProfileExportReport:
        """Write group profiles to a file, which `import_groups` reads as it is, in every format.

        Args:
            path: A file or URL, as in `profiles_to_file`.
            group_key: Group key, for example `company`.
            data_group_id: ID that Mixpanel gave to the group key.
            format: As in `profiles_to_file`.
            overwrite: Whether an existing file is replaced.
            resume: Go on where an earlier call with the same path and options ended; if there is none, begin.
            **options: See `GroupExportOptions`.

        Raises:
            The same as `profiles_to_file`.

        Reference: https://developer.mixpanel.com/reference/engage-query

        Example:
            ```python
            report = await mp.export.groups_to_file("all-companies.csv", "company", 42)
            ```
        """
        own = _of_groups(group_key, data_group_id, options)
        return await self.profiles_to_file(path, format=format, overwrite=overwrite, resume=resume, **own)

    async def _read_rest(self, file: StageFile, thread: WorkerThread, options: ProfileExportOptions) -> bool:
        """Read all pages after those of a started export; return False if it has to begin again."""
        query = cast("_Query", {name: value for name, value in options.items() if name != "group_key"})
        try:
            async with aclosing(self._pages(query, file.stage.cursor)) as pages:
                async for page in pages:
                    lines = page.lines(options.get("group_key"))
                    await thread.submit(partial(file.append, lines, len(page.profiles), page.cursor))
        except (BadRequestError, NotFoundError) as error:
            if not file.stage.profiles or file.restarts >= _MAX_RESTARTS:
                raise
            _log.warning("export of profiles: a further page was refused, the export begins again: %s", error)
            await thread.submit(file.restart)
            return False
        return True

    def _key(self, options: ProfileExportOptions) -> str:
        """Return a digest of what is asked for, and of which project and server."""
        asked = {name: str(value) for name, value in sorted(options.items()) if value is not None}
        place = [self._session.address("query"), self._session.project_id, self._session.workspace_id]
        return hashlib.sha256(msgspec.json.encode([asked, place])).hexdigest()

    async def _pages(self, query: _Query, cursor: ProfileCursor | None = None) -> AsyncGenerator[_Page]:
        """Yield the pages of a query; resume after a 429 on the page where it came."""
        cursor = cursor or ProfileCursor()
        async for attempt in self._session.retrying("export.profiles", self._delay_after_rate_limit):
            position = {"session_id": cursor.session_id, "page": cursor.page, "offset": cursor.offset}
            stream = self._reports.profiles(**query, **position)  # type: ignore[arg-type]
            profiles: list[Profile] = []
            with attempt:
                async with stream:
                    async for profile in stream:
                        attempt.note_progress()
                        profiles.append(profile)
                        if (page_end := stream.page_end) is not None:
                            yield _Page(profiles, page_end)
                            profiles = []
            cursor = stream.cursor

    def _delay_after_rate_limit(self, error: MixpanelError, attempt: int) -> float | None:
        if attempt > self._max_retries or not isinstance(error, RateLimitedError):
            return None
        return backoff_seconds(attempt, self._clock.uniform, retry_after=error.retry_after)


def _of_groups(group_key: str, data_group_id: Id, options: GroupExportOptions) -> ProfileExportOptions:
    return {**options, "group_key": group_key, "data_group_id": data_group_id}


def profile_line(profile: Profile, group_key: str | None = None) -> bytes:
    """Return a profile as a line in the form that an import reads.

    Args:
        profile: A profile as returned by the query API.
        group_key: Group key of a group profile, or None.
    """
    # In JSON, a raw line end can only be whitespace. An ID that the query API returns as a number is a string for
    # /engage.
    properties = bytes(msgspec.json.decode(profile.body, type=_Properties).raw).translate(None, b"\r\n")
    name = str(profile.distinct_id)
    target = {"$distinct_id": name} if group_key is None else {"$group_key": group_key, "$group_id": name}
    return b'%s,"$properties":%s}\n' % (orjson.dumps(target)[:-1], properties)
