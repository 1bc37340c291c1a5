"""Exports of profiles, in the form that `import_profiles` reads: an export is complete or raises."""

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final, Unpack, cast

import msgspec
import orjson

from mixpanel_async.actions._core.params import Id
from mixpanel_async.actions.query.pagination import Profile, ProfileCursor
from mixpanel_async.actions.query.profiles import ProfileReports
from mixpanel_async.clock import Clock
from mixpanel_async.errors import BadRequestError, InvalidArgumentError, MixpanelError, NotFoundError, RateLimitedError
from mixpanel_async.jobs.exports.profile_options import GroupExportOptions, ProfileExportOptions, ProfileExportReport
from mixpanel_async.jobs.exports.profile_stage import StageFile
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.models import JSONValue
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
                    yield cast("dict[str, JSONValue]", orjson.loads(line))

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
        group_key = options.pop("group_key", None)
        async with aclosing(self._pages(cast("_Query", options))) as pages:
            async for page in pages:
                yield page.lines(group_key)

    async def profiles_to_file(
        self, path: str | os.PathLike[str], *, resume: bool = False, **options: Unpack[ProfileExportOptions]
    ) -> ProfileExportReport:
        """Write profiles to a file of JSON lines, which `import_profiles` reads unchanged.

        The file appears under its name only when it is complete. If the export ends early, what was read is kept beside
        it, and the same call with `resume=True` goes on after the last page. Mixpanel keeps the result of a query for a
        limited time. If it has forgotten it, that is, if it refuses a further page with HTTP 400 or 404, the export
        begins again, at most three times.

        Args:
            path: A file.
            resume: Go on where an earlier call with the same path and options ended; if there is none, begin.
            **options: See `ProfileExportOptions`.

        Raises:
            OutputError: The file cannot be written.
            InvalidArgumentError: `path` is a directory, or the earlier call had other options.
            The same as `profiles` otherwise.

        Example:
            ```python
            report = await mp.export.profiles_to_file("profiles.ndjson", where='properties["plan"] == "pro"')
            ```

        Reference: https://developer.mixpanel.com/reference/engage-query
        """
        started = time.monotonic()
        target = Path(path)
        if os.fspath(path).endswith(("/", os.sep)) or await asyncio.to_thread(target.is_dir):
            raise InvalidArgumentError(f"path is invalid: {os.fspath(path)} is a directory; name a file")
        key = self._key(options)
        thread = WorkerThread("mixpanel_async-export")
        try:
            file = await thread.submit(partial(StageFile, target, key, resumes=resume))
            resumed, restarts = file.stage.profiles, 0
            try:
                while not await self._read_rest(file, thread, options):
                    restarts += 1
                await thread.submit(file.complete)
            finally:
                # Shielded: a second cancellation must not leave the files locked.
                await asyncio.shield(thread.submit(file.close))
        finally:
            thread.close()
        return ProfileExportReport(
            profiles=file.stage.profiles,
            written_bytes=file.stage.size,
            files=(str(target),),
            resumed=0 if restarts else resumed,
            restarts=restarts,
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
        resume: bool = False,
        **options: Unpack[GroupExportOptions],
    ) -> ProfileExportReport:
        """Write group profiles to a file of JSON lines, which `import_groups` reads unchanged.

        Args:
            path: A file.
            group_key: Group key, for example `company`.
            data_group_id: ID that Mixpanel gave to the group key.
            resume: Go on where an earlier call with the same path and options ended; if there is none, begin.
            **options: See `ProfileExportOptions`.

        Raises:
            The same as `profiles_to_file`.

        Reference: https://developer.mixpanel.com/reference/engage-query

        Example:
            ```python
            report = await mp.export.groups_to_file("companies.ndjson", "company", 42)
            ```
        """
        return await self.profiles_to_file(path, resume=resume, **_of_groups(group_key, data_group_id, options))

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
