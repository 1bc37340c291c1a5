import asyncio
import json
from collections.abc import Sequence

import pytest
from aiohttp import web

from mixpanel_async.actions import Query, request
from mixpanel_async.actions.query.pagination import Profile, ProfileCursor, ProfileStream
from mixpanel_async.config import Rates
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError, ServerError, TruncatedReplyError, UnexpectedReplyError
from mixpanel_async.session import Session
from tests.integration.actions.server import FakeClock, Script, Seen, make_session

SIZE = 10


class Pages:
    """Serves `total` profiles in pages of ten, of one session."""

    def __init__(self, script: Script, total: int) -> None:
        script.handler = self.answer
        self.total = total
        self.told = total
        self.asked: list[tuple[str | None, int]] = []
        self.arrived = asyncio.Event()
        self.hold: asyncio.Event | None = None
        self.broken_page = -1
        self.offset_of_page = 0
        self.repeated_page = -1

    async def answer(self, seen: Seen) -> web.StreamResponse:
        page = int(seen.form.get("page", "0"))
        self.asked.append((seen.form.get("session_id"), page))
        if page and self.hold is not None:
            self.arrived.set()
            await self.hold.wait()
        if page == self.broken_page:
            return web.Response(status=500)
        found = [{"$distinct_id": str(n), "$properties": {"n": n}} for n in range(self.total)]
        found = found[(0 if page == self.repeated_page else page) * SIZE :][:SIZE]
        body = {
            "results": found,
            "page": page + self.offset_of_page,
            "page_size": SIZE,
            "session_id": "s",
            "status": "ok",
            "total": self.told,
        }
        return web.Response(body=json.dumps(body).encode(), content_type="application/json")


def ids(profiles: Sequence[Profile]) -> list[str]:
    return [str(profile.distinct_id) for profile in profiles]


@pytest.mark.parametrize("total", [0, 1, 9, 10, 11, 35, 40])
async def test_each_profile_comes_once(session: Session, script: Script, total: int) -> None:
    """Every profile is yielded once and in order, for any number, even if the last page is full or empty."""
    pages = Pages(script, total)
    found = [profile async for profile in Query(session).profiles(where="true")]
    assert ids(found) == [str(n) for n in range(total)]
    assert pages.asked == [(None if page == 0 else "s", page) for page in range(total // SIZE + 1)]


@pytest.mark.parametrize("stop", [1, 9, 10, 11, 20, 34, 35])
async def test_a_saved_cursor_goes_on_exactly_there(session: Session, script: Script, stop: int) -> None:
    """An iteration that is interrupted anywhere and resumed from the cursor repeats and skips nothing."""
    Pages(script, 35)
    stream = Query(session).profiles()
    first = []
    async for profile in stream:
        first.append(profile)
        if len(first) == stop:
            break
    cursor = stream.cursor
    rest = Query(session).profiles(session_id=cursor.session_id, page=cursor.page, offset=cursor.offset)
    found = [*first, *[profile async for profile in rest]]
    assert ids(found) == [str(n) for n in range(35)]


async def test_the_next_page_is_asked_for_while_one_is_read(session: Session, script: Script) -> None:
    """When the first profile is yielded, the request of the second page is in flight, and none after it."""
    pages = Pages(script, 35)
    pages.hold = asyncio.Event()
    stream = Query(session).profiles()
    async for profile in stream:
        if profile.distinct_id == "0":
            await pages.arrived.wait()
            assert pages.asked == [(None, 0), ("s", 1)]
            pages.hold.set()
    assert len(pages.asked) == 4


async def test_leaving_the_loop_stops_the_page_under_way(session: Session, script: Script) -> None:
    """Leaving the loop leaves no task."""
    pages = Pages(script, 35)
    pages.hold = asyncio.Event()
    before = asyncio.all_tasks()
    async with Query(session).profiles() as stream:
        async for _ in stream:
            await pages.arrived.wait()
            break
    ours = [task for task in asyncio.all_tasks() - before if "_read" in repr(task.get_coro())]
    assert ours == []
    pages.hold.set()


async def test_breaking_out_closes_without_being_told(session: Session, script: Script) -> None:
    """`break` alone ends the task that reads ahead, without waiting for the garbage collector."""
    pages = Pages(script, 35)
    pages.hold = asyncio.Event()
    stream = Query(session).profiles()
    async for _ in stream:
        await pages.arrived.wait()
        break
    for _ in range(10):
        await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if "_read" in repr(task.get_coro())]
    pages.hold.set()


async def test_an_error_comes_where_its_page_is_needed(session: Session, script: Script) -> None:
    """A page that fails raises after the profiles before it; resuming from the cursor yields the rest."""
    pages = Pages(script, 35)
    pages.broken_page = 2
    stream = Query(session).profiles()
    found: list[Profile] = []

    async def read() -> None:
        async for profile in stream:
            found.append(profile)

    with pytest.raises(ServerError):
        await read()
    assert len(found) == 20
    assert stream.cursor == ProfileCursor("s", 2, 0)
    pages.broken_page = -1
    found += [profile async for profile in Query(session).profiles(session_id="s", page=2)]
    assert ids(found) == [str(n) for n in range(35)]


async def test_another_page_than_asked_for_is_refused(session: Session, script: Script) -> None:
    """A reply with another page number raises, because it would repeat or skip profiles."""
    Pages(script, 35).offset_of_page = 1
    with pytest.raises(UnexpectedReplyError, match="page 0 was requested, but the reply is page 1"):
        [profile async for profile in Query(session).profiles()]


async def test_a_page_that_comes_again_is_refused(session: Session, script: Script) -> None:
    """A server that sends an earlier page under another number is noticed, although the number of profiles is right."""
    pages = Pages(script, 35)
    pages.repeated_page = 2
    with pytest.raises(UnexpectedReplyError, match="page 2 of the profiles is the same as an earlier page"):
        [profile async for profile in Query(session).profiles()]


@pytest.mark.parametrize(("total", "told"), [(3, 4), (3, 2), (35, 36), (35, 1000), (0, 1)])
async def test_another_number_than_announced_raises(session: Session, script: Script, total: int, told: int) -> None:
    """A query ends with as many profiles as Mixpanel announced, or raises after the last one; also when it resumes."""
    Pages(script, total).told = told
    found: list[str] = []
    with pytest.raises(TruncatedReplyError, match=f"{total} of {told:,} profiles"):
        await read_into(found, Query(session).profiles())
    assert found == [str(n) for n in range(total)]
    if total > SIZE:
        resumed: list[str] = []
        with pytest.raises(TruncatedReplyError, match=f"{total} of {told:,} profiles"):
            await read_into(resumed, Query(session).profiles(session_id="s", page=2, offset=5))
        assert resumed == found[2 * SIZE + 5 :]


@pytest.mark.parametrize("told", [0, 10, 14, 20])
async def test_a_server_that_never_ends_is_stopped(session: Session, script: Script, told: int) -> None:
    """Full pages beyond the announced number end the query: it does not go on for as long as the server sends some."""
    pages = Pages(script, 100 * SIZE)
    pages.told = told
    found: list[str] = []
    with pytest.raises(TruncatedReplyError, match=f"of {told:,} profiles"):
        await read_into(found, Query(session).profiles())
    assert len(pages.asked) <= told // SIZE + 2
    assert found == [str(n) for n in range(len(found))]


async def read_into(found: list[str], profiles: ProfileStream) -> None:
    async for profile in profiles:
        found.append(str(profile.distinct_id))  # noqa: PERF401 - what came before the error counts


async def test_a_stream_is_read_once(session: Session, script: Script) -> None:
    """A second loop over one result raises; it does not yield a part."""
    Pages(script, 5)
    stream = Query(session).profiles()
    assert len([profile async for profile in stream]) == 5
    with pytest.raises(InvalidArgumentError, match="once"):
        [profile async for profile in stream]


async def test_one_page(session: Session, script: Script) -> None:
    """One page has its profiles, number and session; unknown fields are in raw."""
    Pages(script, 35)
    page = await Query(session).profiles_page(session_id="s", page=3)
    assert (page.page, page.page_size, page.session_id, page.total, page.is_last) == (3, 10, "s", 35, True)
    assert page.results[0].properties == {"n": 30}
    assert page.results[0].raw == {"$distinct_id": "30", "$properties": {"n": 30}}


async def test_25_000_profiles_from_the_local_server_interrupted_twice(clock: FakeClock) -> None:
    """Each of 25,000 profiles is yielded exactly once, even if the iteration is interrupted inside pages."""
    async with Emulator() as emulator:
        session = make_session(emulator.url, clock, rates=Rates(query_per_hour=None))
        try:
            await fill(session, 25_000)
            found: list[str] = []
            cursor = ProfileCursor()
            for stop in (7_777, 15_000, None):
                stream = Query(session).profiles(session_id=cursor.session_id, page=cursor.page, offset=cursor.offset)
                async for profile in stream:
                    found.append(str(profile.distinct_id))
                    if len(found) == stop:
                        break
                cursor = stream.cursor
        finally:
            await session.aclose()
    assert len(found) == 25_000
    assert len(set(found)) == 25_000


async def fill(session: Session, total: int) -> None:
    """Put profiles into the local server, 2000 a request."""
    for start in range(0, total, 2000):
        numbers = range(start, min(total, start + 2000))
        records = [{"$token": "t", "$distinct_id": f"user-{n}", "$set": {"n": n}} for n in numbers]
        await request(session, "POST", "/engage", json=records)
