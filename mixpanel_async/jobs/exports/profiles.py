"""Exports of profiles, in the form that `import_profiles` reads: an export is complete or raises."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Unpack, cast

import msgspec

from mixpanel_async.actions._core.params import Id
from mixpanel_async.clock import Clock
from mixpanel_async.jobs.exports.line_check import decode_exactly
from mixpanel_async.jobs.exports.outputs.formats import OutputFormat
from mixpanel_async.jobs.exports.profile_check import report_bad_profiles
from mixpanel_async.jobs.exports.profile_job import write_profiles
from mixpanel_async.jobs.exports.profile_options import (
    GroupExportOptions,
    ProfileExportOptions,
    ProfileExportReport,
    check_profile_options,
)
from mixpanel_async.jobs.exports.profile_pages import ProfilePages
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Session


class ProfileExport:
    """Exports user or group profiles.

    Args:
        session: Sends the requests.
        clock: Gives the jitter between attempts.
        max_retries: How often a page is requested again after a 429.
    """

    def __init__(self, session: Session, clock: Clock, max_retries: int) -> None:
        self._session = session
        self._clock = clock
        self._max_retries = max_retries
        self._pages = ProfilePages(session, clock, max_retries)

    async def profiles(self, **options: Unpack[ProfileExportOptions]) -> AsyncGenerator[dict[str, JSONValue]]:
        """Yield profiles as they arrive; the loop ends without an error only if all profiles were yielded.

        Each profile is a dict with `$distinct_id` and `$properties`, which `import_profiles` reads unchanged. Each page
        counts as one of the 60 queries per hour. When they are used up, the export waits up to an hour for a page and
        then resumes. Integers keep all their digits. A number that no float can hold, such as 1e400, is a
        `decimal.Decimal`.

        Args:
            **options: See `ProfileExportOptions`: distinct_id, distinct_ids, data_group_id, where, output_properties,
                behaviors, as_of_timestamp, filter_by_cohort, include_all_users, project_id, workspace_id, on_bad_line,
                group_key. With `on_bad_line="keep"`, profiles that cannot be read are left out.

        Raises:
            TruncatedReplyError: Mixpanel sent another number of profiles than it announced.
            UnreadableProfileError: A profile cannot be read, and `on_bad_line` is `"raise"`.
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
        async with aclosing(self._blocks(options, keeps_bad=False)) as blocks:
            async for block in blocks:
                for line in block.splitlines():
                    yield cast("dict[str, JSONValue]", _decode(line))

    async def profile_blocks(self, **options: Unpack[ProfileExportOptions]) -> AsyncGenerator[bytes]:
        """Yield profiles as blocks of JSON lines; their properties are unchanged, byte for byte.

        Args:
            **options: See `ProfileExportOptions`. With `on_bad_line="keep"`, profiles that cannot be read are in the
                blocks too, as they came.

        Raises:
            The same as `profiles`.

        Reference: https://developer.mixpanel.com/reference/engage-query

        Example:
            ```python
            async for block in mp.export.profile_blocks():
                print(len(block))
            ```
        """
        async with aclosing(self._blocks(options, keeps_bad=options.get("on_bad_line") == "keep")) as blocks:
            async for block in blocks:
                yield block

    async def _blocks(self, options: ProfileExportOptions, *, keeps_bad: bool) -> AsyncGenerator[bytes]:
        on_bad_line = check_profile_options(options)
        async with aclosing(self._pages.read(options)) as pages:
            async for page in pages:
                report_bad_profiles(page.bad, on_bad_line)
                if lines := page.lines(options.get("group_key"), keeps_bad=keeps_bad):
                    yield lines

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
            **options: See `ProfileExportOptions`. A function for profiles that cannot be read (`on_bad_line`) is called
                when all pages have been read, just before the file appears, also with those of the earlier call. If it
                raises, the file does not appear, and the same call with `resume=True` goes on there.

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
        return await write_profiles(
            self._pages, path, options, declared_format=format, overwrite=overwrite, resumes=resume
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


def _of_groups(group_key: str, data_group_id: Id, options: GroupExportOptions) -> ProfileExportOptions:
    return {**options, "group_key": group_key, "data_group_id": data_group_id}


def _decode(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except msgspec.ValidationError:  # a number that no float can hold
        return decode_exactly(line)
