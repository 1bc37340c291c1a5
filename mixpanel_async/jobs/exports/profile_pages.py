"""Reads the pages of an export of profiles, and writes profiles as the lines that imports read."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from typing import Final, cast

import msgspec
import orjson

from mixpanel_async.actions._core.params import Id
from mixpanel_async.actions.query.pagination import Profile, ProfileCursor
from mixpanel_async.clock import Clock
from mixpanel_async.errors import MixpanelError, RateLimitedError
from mixpanel_async.jobs.exports.profile_check import (
    BadProfile,
    TolerantProfileReports,
    UnreadableProfile,
    line_as_it_came,
)
from mixpanel_async.jobs.exports.profile_options import GroupExportOptions, ProfileExportOptions
from mixpanel_async.session import Session
from mixpanel_async.session.retry import backoff_seconds

_OWN: Final = {"group_key", "on_bad_line"}


class _Query(GroupExportOptions, total=False):
    data_group_id: Id | None


class PageOfProfiles(msgspec.Struct, frozen=True):
    """The profiles of a page that were not read before.

    Attributes:
        profiles: The profiles, and among them places of those that cannot be read.
        bad: Those that cannot be read.
        cursor: The place after them.
    """

    profiles: Sequence[Profile]
    bad: Sequence[BadProfile]
    cursor: ProfileCursor

    @property
    def count(self) -> int:
        """Number of profiles that can be read."""
        return len(self.profiles) - len(self.bad)

    def lines(self, group_key: str | None, *, keeps_bad: bool) -> bytes:
        """Return the profiles as lines.

        Args:
            group_key: Group key of group profiles, or None.
            keeps_bad: Whether profiles that cannot be read are lines too, as they came.
        """
        if not self.bad:
            return b"".join([profile_line(profile, group_key) for profile in self.profiles])
        lines = []
        for profile in self.profiles:
            if not isinstance(profile, UnreadableProfile):
                lines.append(profile_line(profile, group_key))
            elif keeps_bad:
                lines.append(line_as_it_came(profile.body))
        return b"".join(lines)


class _Properties(msgspec.Struct):
    raw: msgspec.Raw = msgspec.field(name="$properties", default=msgspec.Raw(b"{}"))


class ProfilePages:
    """Reads pages of user or group profiles.

    Args:
        session: Sends the requests.
        clock: Gives the jitter between attempts.
        max_retries: How often a page is requested again after a 429.
    """

    def __init__(self, session: Session, clock: Clock, max_retries: int) -> None:
        self._session = session
        self._reports = TolerantProfileReports(session)
        self._clock = clock
        self._max_retries = max_retries

    async def read(
        self, options: ProfileExportOptions, cursor: ProfileCursor | None = None
    ) -> AsyncGenerator[PageOfProfiles]:
        """Yield the pages of a query; resume after a 429 on the page where it came.

        Args:
            options: What is asked for.
            cursor: Where to begin; None: at the first page.
        """
        query = cast("_Query", {name: value for name, value in options.items() if name not in _OWN})
        cursor = cursor or ProfileCursor()
        async for attempt in self._session.retrying("export.profiles", self._delay_after_rate_limit):
            position = {"session_id": cursor.session_id, "page": cursor.page, "offset": cursor.offset}
            stream = self._reports.profiles(**query, **position)  # type: ignore[arg-type, misc]
            profiles: list[Profile] = []
            bad: list[BadProfile] = []
            with attempt:
                async with stream:
                    async for profile in stream:
                        attempt.note_progress()
                        profiles.append(profile)
                        if isinstance(profile, UnreadableProfile):
                            bad.append(profile.at(stream.cursor))
                        if (page_end := stream.page_end) is not None:
                            yield PageOfProfiles(profiles, bad, page_end)
                            profiles, bad = [], []
            cursor = stream.cursor

    def key(self, options: ProfileExportOptions) -> str:
        """Return a digest of what is asked for, and of which project and server.

        A function for profiles that cannot be read changes nothing in the lines, and does not count.
        """
        on_bad_line = "keep" if options.get("on_bad_line") == "keep" else None
        given = {**options, "on_bad_line": on_bad_line}
        asked = {name: str(value) for name, value in sorted(given.items()) if value is not None}
        place = [self._session.address("query"), self._session.project_id, self._session.workspace_id]
        return hashlib.sha256(msgspec.json.encode([asked, place])).hexdigest()

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
