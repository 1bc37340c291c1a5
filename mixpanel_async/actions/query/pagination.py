"""Iterates over profiles page by page and requests one page ahead."""

import asyncio
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Self, TypeAlias

import msgspec

from mixpanel_async.actions._core.responses import ApiList, ApiObject
from mixpanel_async.errors import InvalidArgumentError, TruncatedReplyError, UnexpectedReplyError
from mixpanel_async.json_types import JSONValue


class Profile(ApiObject, frozen=True):
    """The profile of a user or group.

    Attributes:
        distinct_id: The user's ID, or the group's.
        properties: Properties.
    """

    distinct_id: str | int = msgspec.field(name="$distinct_id")
    properties: dict[str, JSONValue] = msgspec.field(name="$properties", default_factory=dict)


class ProfilePage(ApiObject, frozen=True):
    """One page of profiles.

    Attributes:
        results: Profiles.
        page: Page number, from 0.
        page_size: Number of profiles on a full page; a page with fewer is the last.
        session_id: ID of the result that the page belongs to.
        total: Number of profiles on all pages.
        status: Mixpanel's status, usually `"ok"`.
    """

    results: ApiList[Profile]
    page: int | None = None
    page_size: int | None = None
    session_id: str | None = None
    total: int | None = None
    status: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether this is the last page."""
        return len(self.results) < (self.page_size or 1)


class ProfileCursor(msgspec.Struct, frozen=True):
    """A position in an iteration over profiles; pass its three fields to `profiles()` to resume there.

    Attributes:
        session_id: ID of the result; None before the first page.
        page: Number of the current page.
        offset: Number of profiles of that page that were already returned.
    """

    session_id: str | None = None
    page: int = 0
    offset: int = 0


ReadPage: TypeAlias = Callable[[str | None, int], Coroutine[None, None, ProfilePage]]


class ProfileStream:
    """All profiles of a query, page by page; the next page is requested while one is consumed.

    Iterate over it once, with `async for`. Leaving the loop early cancels the request of the next page; `aclose()` or
    `async with` does so at a definite point. `cursor` can be saved at any time: an iteration that resumes from it
    returns exactly the profiles that this one has not returned, for as long as Mixpanel keeps the session.

    Args:
        read_page: Requests one page of a session.
        cursor: Where to start.

    Attributes:
        total: Number of profiles on all pages, as the latest page says; None before the first page.
    """

    def __init__(self, read_page: ReadPage, cursor: ProfileCursor) -> None:
        self._read_page = read_page
        self._cursor = cursor
        self.total: int | None = None
        self._page: ProfilePage | None = None
        # Weak: only the caller's loop owns the generator, so that leaving the loop closes it.
        self._generator: weakref.ref[AsyncGenerator[Profile, None]] | None = None
        self._ahead: asyncio.Task[ProfilePage] | None = None
        self._seen: set[int] = set()  # hashes of the pages, which are all different

    @property
    def cursor(self) -> ProfileCursor:
        """The position after the last returned profile."""
        return self._cursor

    @property
    def page_end(self) -> ProfileCursor | None:
        """The position after the current page if its last profile was returned, else None."""
        page, cursor = self._page, self._cursor
        if page is None or cursor.offset < len(page.results):
            return None
        return cursor if page.is_last else ProfileCursor(cursor.session_id, cursor.page + 1)

    def __aiter__(self) -> AsyncIterator[Profile]:
        if self._generator is not None:
            raise InvalidArgumentError(
                "the result of profiles() is already used: it can be iterated once; call profiles() again"
            )
        generator = self._profiles()
        self._generator = weakref.ref(generator)
        return generator

    async def aclose(self) -> None:
        """Stop the iteration; when this returns, no request is in flight."""
        generator = self._generator() if self._generator else None
        if generator is not None:
            await generator.aclose()
        # If the caller left the loop, the generator may be gone before its cleanup has run.
        if self._ahead is not None:
            await _end(self._ahead)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _profiles(self) -> AsyncGenerator[Profile, None]:
        page = await self._read(self._cursor)
        before = 0 if self._cursor.page == 0 else page.page_size and self._cursor.page * page.page_size
        while True:
            number, offset = self._cursor.page, self._cursor.offset
            session_id = self._cursor.session_id or page.session_id
            self.total = self.total if page.total is None else page.total
            self._page = page
            self._check_repetition(page, number)
            after = ProfileCursor(session_id, number + 1)
            self._ahead = ahead = None if page.is_last else asyncio.create_task(self._read(after))
            try:
                for place in range(offset, len(page.results)):
                    self._cursor = ProfileCursor(session_id, number, place + 1)
                    yield page.results[place]
                if ahead is None:
                    self._check_count(before, len(page.results))
                    return
                self._check_excess(before, len(page.results))
                self._cursor = after
                before = None if before is None else before + len(page.results)
                page = await ahead
            finally:
                if ahead is not None:
                    await _end(ahead)

    def _check_count(self, before: int | None, last: int) -> None:
        """Check that all profiles came.

        Args:
            before: Number of profiles before the last page; None if it is not known.
            last: Number of profiles on the last page.

        Raises:
            TruncatedReplyError: Mixpanel said that there is another number.
        """
        if before is None or self.total is None or before + last == self.total:
            return
        count = f"only {before + last:,}" if before + last < self.total else f"{before + last:,}"
        raise TruncatedReplyError(f"Mixpanel sent {count} of {self.total:,} profiles")

    def _check_excess(self, before: int | None, here: int) -> None:
        """Check that there are not more profiles than announced: a server that repeats pages would never end.

        Args:
            before: Number of profiles before this page; None if it is not known.
            here: Number of profiles on this page.

        Raises:
            TruncatedReplyError: There are more.
        """
        if before is not None and self.total is not None and before + here > self.total:
            self._check_count(before, here)

    def _check_repetition(self, page: ProfilePage, number: int) -> None:
        """Check that a page is not an earlier one again, whose number of profiles may be right.

        Raises:
            UnexpectedReplyError: It is.
        """
        digest = hash(tuple(profile.body for profile in page.results))
        if page.results and digest in self._seen:
            raise UnexpectedReplyError(
                f"page {number} of the profiles is the same as an earlier page, so that others are missing",
                status=200,
                operation="query.profiles",
            )
        self._seen.add(digest)

    async def _read(self, cursor: ProfileCursor) -> ProfilePage:
        if cursor.page > 0 and cursor.session_id is None:
            raise UnexpectedReplyError(
                "the reply has no session_id; without it, the next page cannot be requested",
                status=200,
                operation="query.profiles",
            )
        page = await self._read_page(cursor.session_id, cursor.page)
        if page.page is not None and page.page != cursor.page:
            raise UnexpectedReplyError(
                f"page {cursor.page} was requested, but the reply is page {page.page}",
                status=200,
                operation="query.profiles",
            )
        return page


async def _end(task: asyncio.Task[ProfilePage]) -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # retrieved, so that asyncio does not log it: the page is no longer needed
