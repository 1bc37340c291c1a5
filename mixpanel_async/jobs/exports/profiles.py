"""Exports of profiles, in the form that `import_profiles` reads: an export is complete or raises."""

import asyncio
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
from mixpanel_async.codecs.lines import count_lines
from mixpanel_async.errors import InvalidArgumentError, MixpanelError, RateLimitedError
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.jobs.atomic_write import write_stream
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Session
from mixpanel_async.session.retry import backoff_seconds

_BLOCK_BYTES: Final = 256 * 1024


class _Query(TypedDict, total=False):
    distinct_id: str | None
    distinct_ids: Sequence[str] | None
    data_group_id: Id | None
    where: AnyExpression | None
    output_properties: Sequence[str] | None
    behaviors: Behaviors | None
    as_of_timestamp: int | None
    filter_by_cohort: Id | None
    include_all_users: bool | None
    project_id: Id | None
    workspace_id: Id | None


class ProfileExportOptions(_Query, total=False):
    """Options of an export of profiles; all are optional.

    Attributes:
        distinct_id: ID of the only profile to export; excludes `distinct_ids`.
        distinct_ids: IDs of the only profiles to export; excludes `distinct_id`.
        data_group_id: ID of a group key: export group profiles instead of user profiles.
        where: Expression to filter by.
        output_properties: The only properties to export.
        behaviors: Event selectors as documented by Mixpanel; excludes `filter_by_cohort`.
        as_of_timestamp: Unix time in seconds at which `behaviors` are evaluated; requires `behaviors`.
        filter_by_cohort: ID of a cohort; excludes `behaviors`.
        include_all_users: Whether to include users without a profile; requires `filter_by_cohort`.
        project_id: Project ID (default: the client's).
        workspace_id: Workspace ID (default: the client's).
        group_key: Group key, for example `company`: write group profiles in the form that `import_groups` reads.
    """

    group_key: str | None


class ProfileExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of an export of profiles.

    Attributes:
        profiles: Number of profiles written.
        written_bytes: Size of their JSON lines.
        files: Files that were written.
        duration_seconds: Duration of the export.
    """

    profiles: int
    written_bytes: int
    files: Sequence[str]
    duration_seconds: float


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
        self, path: str | os.PathLike[str], **options: Unpack[ProfileExportOptions]
    ) -> ProfileExportReport:
        """Write profiles to a file of JSON lines, which `import_profiles` reads unchanged.

        The file appears under its name only when it is complete.

        Args:
            path: A file.
            **options: See `ProfileExportOptions`.

        Raises:
            OutputError: The file cannot be written.
            InvalidArgumentError: `path` is a directory.
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
        profiles, size = await write_stream(target, self.profile_blocks(**options), count_lines)
        return ProfileExportReport(
            profiles=profiles,
            written_bytes=size,
            files=(str(target),),
            duration_seconds=time.monotonic() - started,
        )

    async def _all(self, query: _Query) -> AsyncGenerator[Profile]:
        """Yield every profile of a query; resume after a 429 on the page where it came."""
        cursor = ProfileCursor()
        async for attempt in self._session.retrying("export.profiles", self._delay_after_rate_limit):
            position = {"session_id": cursor.session_id, "page": cursor.page, "offset": cursor.offset}
            stream = self._reports.profiles(**query, **position)  # type: ignore[arg-type]
            with attempt:
                async with stream:
                    async for profile in stream:
                        attempt.note_progress()
                        yield profile
            cursor = stream.cursor

    def _delay_after_rate_limit(self, error: MixpanelError, attempt: int) -> float | None:
        if attempt > self._max_retries or not isinstance(error, RateLimitedError):
            return None
        return backoff_seconds(attempt, self._clock.uniform, retry_after=error.retry_after)


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
