"""An export of profiles goes on where it ended, or begins again where Mixpanel has forgotten the session."""

import asyncio
import pathlib
import stat
from collections.abc import AsyncIterator

import orjson
import pytest
from aiohttp import web

from mixpanel_async import AsyncMixpanel, ServiceAccount
from mixpanel_async.errors import BadRequestError, ForbiddenError, InvalidArgumentError, OutputError
from tests.integration.actions.server import Script, Seen, listening
from tests.virtual_time import FastClock

PAGES = 6
SIZE = 10


class Pages:
    """A query with six pages, the last one not full; it can be made to fail.

    Attributes:
        asked: Session and page of each request.
        fail: Page to fail at, once.
        status: Status of that failure; -1: nothing more comes.
        session: Number of the session that page 0 opens next.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.fail = -1
        self.status = 400
        self.session = 0

    async def answer(self, seen: Seen) -> web.StreamResponse:
        """Reply as the query API does."""
        page = int(seen.form.get("page", "0"))
        self.asked.append((seen.form.get("session_id", ""), page))
        if page == self.fail:
            self.fail = -1
            if self.status == -1:
                await asyncio.Event().wait()
            return web.json_response({"error": "session has expired", "status": "error"}, status=self.status)
        if page == 0:
            self.session += 1
        count = SIZE if page < PAGES - 1 else 3
        results = [{"$distinct_id": f"{page}-{n}", "$properties": {"n": n, "text": "ü"}} for n in range(count)]
        return web.json_response(
            {"page": page, "page_size": SIZE, "session_id": f"s{self.session}", "total": 53, "results": results}
        )


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with listening() as made:
        yield made


def client_of(script: Script, project_id: int = 1) -> AsyncMixpanel:
    account = ServiceAccount("user", "secret")
    return AsyncMixpanel(credentials=account, project_id=project_id, base_url=script.url, clock=FastClock())


def ids(path: pathlib.Path) -> list[str]:
    return [orjson.loads(line)["$distinct_id"] for line in path.read_bytes().splitlines()]


async def whole(script: Script, tmp_path: pathlib.Path) -> bytes:
    """Return the file of an export that nothing interrupts."""
    script.handler = Pages().answer
    async with client_of(script) as client:
        await client.export.profiles_to_file(tmp_path / "whole.ndjson")
    content = (tmp_path / "whole.ndjson").read_bytes()
    (tmp_path / "whole.ndjson").unlink()
    return content


@pytest.mark.parametrize("page", range(1, PAGES))
async def test_it_goes_on_after_the_last_page(page: int, script: Script, tmp_path: pathlib.Path) -> None:
    """An interrupted export keeps its pages; the next one reads only the rest, and the file is the same."""
    expected = await whole(script, tmp_path)
    pages = Pages()
    pages.fail, pages.status = page, -1
    script.handler = pages.answer
    path = tmp_path / "profiles.ndjson"
    async with client_of(script) as client:
        job = asyncio.create_task(client.export.profiles_to_file(path))
        while (f"s{pages.session}", page) not in pages.asked:  # noqa: ASYNC110 - until the server was asked for it
            await asyncio.sleep(0.001)
        while not (tmp_path / ".profiles.ndjson.started").stat().st_size:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
    assert not path.exists()
    kept = (tmp_path / ".profiles.ndjson.started").stat()
    assert stat.S_IMODE(kept.st_mode) == 0o600
    pages.asked.clear()
    async with client_of(script) as client:
        report = await client.export.profiles_to_file(path, resume=True)
    assert path.read_bytes() == expected
    assert (report.profiles, report.restarts) == (53, 0)
    assert report.resumed > 0
    assert 0 not in [number for _, number in pages.asked]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]  # noqa: ASYNC240


@pytest.mark.parametrize("status", [400, 404])
async def test_a_forgotten_session(status: int, script: Script, tmp_path: pathlib.Path) -> None:
    """Where Mixpanel has forgotten the session, the export begins again in a new one, and has each profile once."""
    expected = await whole(script, tmp_path)
    pages = Pages()
    pages.fail, pages.status = 3, status
    script.handler = pages.answer
    path = tmp_path / "profiles.ndjson"
    async with client_of(script) as client:
        report = await client.export.profiles_to_file(path)
    assert path.read_bytes() == expected
    assert (report.profiles, report.restarts, report.resumed) == (53, 1, 0)
    assert {session for session, number in pages.asked[5:] if number} == {"s2"}


async def test_a_session_that_is_always_forgotten(script: Script, tmp_path: pathlib.Path) -> None:
    """An export that never gets beyond a page ends with Mixpanel's error after three more attempts."""
    pages = Pages()

    async def answer(seen: Seen) -> web.StreamResponse:
        pages.fail = 2
        return await pages.answer(seen)

    script.handler = answer
    async with client_of(script) as client:
        with pytest.raises(BadRequestError, match="session has expired"):
            await client.export.profiles_to_file(tmp_path / "profiles.ndjson")
    assert len([number for _, number in pages.asked if number == 0]) == 4


async def test_other_options(script: Script, tmp_path: pathlib.Path) -> None:
    """Options, project or server that differ from those of the started export are refused, and nothing is lost."""
    pages = Pages()
    pages.fail, pages.status = 2, 403
    script.handler = pages.answer
    path = tmp_path / "profiles.ndjson"
    async with client_of(script) as client:
        with pytest.raises(ForbiddenError):
            await client.export.profiles_to_file(path, resume=True)
    started = (tmp_path / ".profiles.ndjson.started").read_bytes()
    async with client_of(script) as client:
        with pytest.raises(InvalidArgumentError, match="has other options, or another project or server"):
            await client.export.profiles_to_file(path, resume=True, where="true")
    async with client_of(script, project_id=2) as client:
        with pytest.raises(InvalidArgumentError, match="has other options, or another project or server"):
            await client.export.profiles_to_file(path, resume=True)
    assert (tmp_path / ".profiles.ndjson.started").read_bytes() == started


@pytest.mark.parametrize("content", [b"", b"{}", b"not JSON", b'{"key":"x","version":99}'])
async def test_a_damaged_place(content: bytes, script: Script, tmp_path: pathlib.Path) -> None:
    """If the place of the started export cannot be read, the export begins from its first page."""
    expected = await whole(script, tmp_path)
    path = tmp_path / "profiles.ndjson"
    (tmp_path / ".profiles.ndjson.started").write_bytes(b"half a li")
    (tmp_path / ".profiles.ndjson.started.json").write_bytes(content)
    async with client_of(script) as client:
        report = await client.export.profiles_to_file(path, resume=True)
    assert path.read_bytes() == expected
    assert report.resumed == 0


async def test_a_planted_link(script: Script, tmp_path: pathlib.Path) -> None:
    """A link at the place of the started export is not followed."""
    expected = await whole(script, tmp_path)
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    (tmp_path / ".profiles.ndjson.started").symlink_to(victim)
    path = tmp_path / "profiles.ndjson"
    async with client_of(script) as client:
        await client.export.profiles_to_file(path)
    assert victim.read_bytes() == b"kept"
    assert path.read_bytes() == expected


async def test_two_at_once(script: Script, tmp_path: pathlib.Path) -> None:
    """A second export into the same file is refused while the first one runs."""
    pages = Pages()
    pages.fail, pages.status = 2, -1
    script.handler = pages.answer
    async with client_of(script) as client:
        job = asyncio.create_task(client.export.profiles_to_file(tmp_path / "p.ndjson"))
        while len(pages.asked) < 3:  # noqa: ASYNC110 - until the first one waits for its third page
            await asyncio.sleep(0.001)
        with pytest.raises(OutputError, match="another process is writing it"):
            await client.export.profiles_to_file(tmp_path / "p.ndjson")
        job.cancel()
        await asyncio.wait([job])
