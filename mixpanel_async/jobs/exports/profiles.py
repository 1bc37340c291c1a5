"""The export of profiles: all of them, or it raises; in the form that an import of profiles takes."""

import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final, TypedDict, Unpack, cast

import msgspec
import orjson

from mixpanel_async.actions._core.params import Id
from mixpanel_async.actions.query.pagination import Profile, ProfileCursor
from mixpanel_async.actions.query.profiles import Behaviors, ProfileReports
from mixpanel_async.clock import Clock
from mixpanel_async.errors import RateLimitedError, TruncatedReplyError
from mixpanel_async.jobs.atomic_write import write_stream
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Session
from mixpanel_async.session.retry import backoff_seconds

_BLOCK_BYTES: Final = 256 * 1024


class _Query(TypedDict, total=False):
    distinct_id: str | None
    distinct_ids: Sequence[str] | None
    data_group_id: Id | None
    where: str | None
    output_properties: Sequence[str] | None
    behaviors: Behaviors | None
    as_of_timestamp: int | None
    filter_by_cohort: Id | None
    include_all_users: bool | None
    project_id: Id | None
    workspace_id: Id | None


class ProfileOptions(_Query, total=False):
    """Which profiles are exported; every option may be left out.

    Attributes:
        distinct_id: Only this profile; excludes `distinct_ids`.
        distinct_ids: Only these profiles; excludes `distinct_id`.
        data_group_id: Id of a group key: exports the profiles of groups in place of users.
        where: Expression to filter by.
        output_properties: Only these properties.
        behaviors: Event selectors, as Mixpanel documents them; excludes `filter_by_cohort`.
        as_of_timestamp: Unix time in seconds at which `behaviors` are evaluated; needs them.
        filter_by_cohort: Id of a cohort; excludes `behaviors`.
        include_all_users: Whether users without a profile are included; needs `filter_by_cohort`.
        project_id: Project; the client's unless given.
        workspace_id: Workspace; the client's unless given.
        group_key: Name of the groups' kind, for example `company`: profiles of groups get the form that
            `import_groups` takes.
    """

    group_key: str | None


class ProfileExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an export of profiles wrote.

    Attributes:
        profiles: Profiles in all.
        written_bytes: Their JSON lines.
        files: What was written.
        duration_seconds: How long it took.
    """

    profiles: int
    written_bytes: int
    files: Sequence[str]
    duration_seconds: float


class _Properties(msgspec.Struct):
    found: msgspec.Raw = msgspec.field(name="$properties", default=msgspec.Raw(b"{}"))


class ProfileExport:
    """Profiles of users or groups.

    Args:
        session: Sends the requests.
        clock: Waits between tries.
        max_retries: How often a page is asked for again after it was turned away for its rate.
    """

    def __init__(self, session: Session, clock: Clock, max_retries: int) -> None:
        self._reports = ProfileReports(session)
        self._clock = clock
        self._max_retries = max_retries

    async def profiles(self, **options: Unpack[ProfileOptions]) -> AsyncGenerator[dict[str, JSONValue]]:
        """Yield profiles while they arrive; the end is reached only if all of them came.

        Each is a dict with `$distinct_id` and `$properties`, which `import_profiles` takes as it is. Each page counts
        as one of the 60 queries an hour: where they are used up, the export waits, up to an hour for a page, and goes
        on where it was.

        Args:
            **options: See `ProfileOptions`: distinct_id, distinct_ids, data_group_id, where, output_properties,
                behaviors, as_of_timestamp, filter_by_cohort, include_all_users, project_id, workspace_id, group_key.

        Raises:
            TruncatedReplyError: Fewer profiles came than Mixpanel said there are.
            InvalidSettingError: Options contradict each other.
            ApiError: Mixpanel refused.
            TransportError: A page did not come, again and again.

        Reference: https://developer.mixpanel.com/reference/engage-query
        """
        async with aclosing(self.profile_blocks(**options)) as blocks:
            async for block in blocks:
                for line in block.splitlines():
                    yield cast("dict[str, JSONValue]", orjson.loads(line))

    async def profile_blocks(self, **options: Unpack[ProfileOptions]) -> AsyncGenerator[bytes]:
        """Yield profiles as JSON lines, many at a time, with their properties byte for byte as they came.

        Args:
            **options: See `ProfileOptions`.

        Raises:
            The same as `profiles`.

        Reference: https://developer.mixpanel.com/reference/engage-query
        """
        group_key = options.pop("group_key", None)
        lines: list[bytes] = []
        held = 0
        async with aclosing(self._all(cast("_Query", options))) as profiles:
            async for profile in profiles:
                line = profile_line(profile, group_key)
                lines.append(line)
                held += len(line)
                if held >= _BLOCK_BYTES:
                    block, lines, held = b"".join(lines), [], 0
                    yield block
        if lines:
            yield b"".join(lines)

    async def profiles_to_file(
        self, path: str | os.PathLike[str], **options: Unpack[ProfileOptions]
    ) -> ProfileExportReport:
        """Write profiles to a file of JSON lines, which `import_profiles` takes as it is.

        The file appears under its name only when it is complete; until then it is called like it with `.partial`
        behind.

        Args:
            path: The file.
            **options: See `ProfileOptions`.

        Raises:
            OutputError: The file cannot be written.
            The same as `profiles` otherwise.

        Reference: https://developer.mixpanel.com/reference/engage-query
        """
        started = time.monotonic()
        target = Path(path)
        profiles, size = await write_stream(target, self.profile_blocks(**options), count_profiles)
        return ProfileExportReport(
            profiles=profiles,
            written_bytes=size,
            files=(str(target),),
            duration_seconds=time.monotonic() - started,
        )

    async def _all(self, query: _Query) -> AsyncGenerator[Profile]:
        """Yield every profile of a query; go on where it was after a wait for its rate."""
        cursor, count, attempt = ProfileCursor(), 0, 1
        while True:
            place = {"session_id": cursor.session_id, "page": cursor.page, "offset": cursor.offset}
            stream = self._reports.profiles(**query, **place)  # type: ignore[arg-type]
            try:
                async with stream:
                    async for profile in stream:
                        count, attempt = count + 1, 1
                        yield profile
                break
            except RateLimitedError as error:
                if attempt > self._max_retries:
                    raise
                pause = backoff_seconds(attempt, self._clock.uniform, retry_after=error.retry_after)
            cursor, attempt = stream.cursor, attempt + 1
            await self._clock.sleep(pause)
        if stream.total is not None and count < stream.total:
            raise TruncatedReplyError(f"only {count:,} of {stream.total:,} profiles came")


def profile_line(profile: Profile, group_key: str | None = None) -> bytes:
    """Return a profile as a line, in the form that an import takes.

    Args:
        profile: As the query API gave it.
        group_key: Kind of the group that it is of, or None.
    """
    # Nothing but space can be a newline there; an id that came as a number is text where it goes in again.
    properties = bytes(msgspec.json.decode(profile.body, type=_Properties).found).translate(None, b"\r\n")
    name = None if profile.distinct_id is None else str(profile.distinct_id)
    target = {"$distinct_id": name} if group_key is None else {"$group_key": group_key, "$group_id": name}
    return b'%s,"$properties":%s}\n' % (orjson.dumps(target)[:-1], properties)


def count_profiles(block: bytes) -> int:
    """Return how many profiles a block of lines holds."""
    return block.count(b"\n")
