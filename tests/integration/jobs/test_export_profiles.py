"""An export of profiles is complete or raises, and can be imported again unchanged."""

import pathlib

import orjson
import pytest
from aiohttp import web

from mixpanel_async import AsyncMixpanel, ServiceAccount, Settings
from mixpanel_async.actions._core.responses import keep_body
from mixpanel_async.actions.query.pagination import Profile
from mixpanel_async.config import Rates
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import (
    BadRequestError,
    InvalidArgumentError,
    OutputError,
    TruncatedReplyError,
    UnauthorizedError,
)
from mixpanel_async.jobs.exports.profiles import profile_line
from tests.conftest import PROJECT_ID, SECRET, USERNAME, Connect
from tests.integration.actions.server import Seen, listening
from tests.virtual_time import StillClock

PATH = "/api/query/engage"
COUNT = 2_345


async def fill(client: AsyncMixpanel) -> None:
    """Put profiles of some pages into the server, and some groups."""
    for number in range(COUNT):
        await client.people.set(f"user-{number}", {"n": number, "text": "ü\u2028", "deep": {"a": [1.5, None]}})
    for number in range(3):
        await client.groups.set("company", f"company-{number}", {"n": number})
    assert (await client.flush(timeout=20)).is_complete


async def test_profiles_come_back_as_they_went_in(connect: Connect, tmp_path: pathlib.Path) -> None:
    """All profiles of all pages are exported once with their properties, as dicts and as lines."""
    client = connect()
    await fill(client)
    found = [profile async for profile in client.export.profiles()]
    assert len({str(one["$distinct_id"]) for one in found}) == len(found) == COUNT
    path = tmp_path / "profiles.ndjson"
    report = await client.export.profiles_to_file(path)
    assert [orjson.loads(line) for line in path.read_bytes().splitlines()] == found
    assert (report.profiles, report.written_bytes, report.files) == (COUNT, path.stat().st_size, (str(path),))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]  # noqa: ASYNC240


async def test_only_what_was_asked_for(connect: Connect) -> None:
    """Filters and properties are passed to the query."""
    client = connect()
    await fill(client)
    where = 'properties["n"] < 10'
    found = [one["$properties"] async for one in client.export.profiles(where=where, output_properties=["n"])]
    assert sorted(orjson.dumps(one) for one in found) == sorted(orjson.dumps({"n": n}) for n in range(10))
    with pytest.raises(InvalidArgumentError, match="distinct_id"):
        await anext(client.export.profiles(distinct_id="a", distinct_ids=["b"]))


async def test_an_export_goes_in_again(connect: Connect, server: Emulator, tmp_path: pathlib.Path) -> None:
    """Imports of profiles and groups read an export unchanged, with every property."""
    client = connect()
    await fill(client)
    users, groups = tmp_path / "users.ndjson", tmp_path / "groups.ndjson"
    await client.export.profiles_to_file(users)
    await client.export.groups_to_file(groups, "company", "company")
    lines = [orjson.loads(line) for line in groups.read_bytes().splitlines()]
    assert [one async for one in client.export.groups("company", "company")] == lines
    assert b"".join([block async for block in client.export.group_blocks("company", "company")]) == groups.read_bytes()
    async with Emulator() as other, AsyncMixpanel("token", base_url=other.url) as moved:
        assert (await moved.import_profiles(users)).imported == COUNT
        assert (await moved.import_groups(groups)).imported == 3
        exported = {
            one["$distinct_id"]: one["$properties"] for one in map(orjson.loads, users.read_bytes().splitlines())
        }
        assert await other.profiles() == exported
        assert await other.groups() == await server.groups()


async def test_a_page_that_fails(connect: Connect, server: Emulator, tmp_path: pathlib.Path) -> None:
    """A page that fails makes the export fail, and no file appears."""
    client = connect()
    await fill(client)
    server.faults.add(InjectedFault(path=PATH, kind="status", status=400, after=2, times=None))
    path = tmp_path / "profiles.ndjson"
    with pytest.raises(BadRequestError):
        await client.export.profiles_to_file(path)
    assert not path.exists()


@pytest.mark.parametrize("kind", ["status", "reset_before", "truncate"])
async def test_a_page_that_fails_once(kind: str, connect: Connect, server: Emulator, tmp_path: pathlib.Path) -> None:
    """A truncated page is requested again; no profile is missing or duplicate."""
    client = connect()
    await fill(client)
    server.faults.add(InjectedFault(path=PATH, kind=kind, after=1))  # type: ignore[arg-type]
    path = tmp_path / "profiles.ndjson"
    await client.export.profiles_to_file(path)
    lines = path.read_bytes().splitlines()
    assert len(set(lines)) == len(lines) == COUNT


async def test_more_pages_than_queries_an_hour(connect: Connect, server: Emulator) -> None:
    """When the queries of an hour are used up, the export waits and resumes."""
    await fill(connect())
    clock = StillClock()
    settings = Settings(rates=Rates(query_per_hour=2, max_wait_seconds=1.0))
    account = ServiceAccount(USERNAME, SECRET)
    async with AsyncMixpanel(
        credentials=account, project_id=PROJECT_ID, base_url=server.url, settings=settings, clock=clock
    ) as client:
        found = [str(one["$distinct_id"]) async for one in client.export.profiles()]
    assert len(set(found)) == len(found) == COUNT
    assert sum(clock.slept) > 3000


async def test_fewer_than_there_are(tmp_path: pathlib.Path) -> None:
    """Fewer profiles than Mixpanel announced are not a complete export."""

    async def answer(seen: Seen) -> web.StreamResponse:
        page = int(seen.form.get("page", "0"))
        results = [{"$distinct_id": f"{page}-{n}", "$properties": {}} for n in range(10 if page == 0 else 3)]
        return web.json_response(
            {"page": page, "page_size": 10, "session_id": "s", "total": 25, "status": "ok", "results": results}
        )

    async with listening() as script:
        script.handler = answer
        account = ServiceAccount("user", "secret")
        async with AsyncMixpanel(credentials=account, project_id=1, base_url=script.url) as client:
            with pytest.raises(TruncatedReplyError, match="only 13 of 25 profiles"):
                await client.export.profiles_to_file(tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("path", ["", "/", "/missing/"])
async def test_a_directory_is_refused(connect: Connect, server: Emulator, tmp_path: pathlib.Path, path: str) -> None:
    """Profiles go to one file; a directory is refused before anything is requested."""
    with pytest.raises(InvalidArgumentError, match="is a directory; name a file"):
        await connect().export.profiles_to_file(f"{tmp_path}{path}")
    assert not server.requests


async def test_a_disk_that_is_full(connect: Connect) -> None:
    """The error for a file that cannot be written names it."""
    with pytest.raises(OutputError, match="/dev/full"):
        await connect().export.profiles_to_file("/dev/full/x")


async def test_a_refused_credential(connect: Connect) -> None:
    """An invalid secret raises UnauthorizedError at once."""
    with pytest.raises(UnauthorizedError):
        await anext(connect(secret="wrong").export.profiles())


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b'{"$distinct_id": "a", "$properties": {"n": 1}}', b'{"$distinct_id":"a","$properties":{"n": 1}}'),
        (b'{"$distinct_id": 7, "$properties": {\n "n": 1e2 }}', b'{"$distinct_id":"7","$properties":{ "n": 1e2 }}'),
        (b'{"$distinct_id": "\\u00e4"}', '{"$distinct_id":"ä","$properties":{}}'.encode()),
        (
            b'{"$distinct_id": "a", "$properties": {"n": 123456789012345678901234567890}}',
            b'{"$distinct_id":"a","$properties":{"n": 123456789012345678901234567890}}',
        ),
    ],
)
def test_lines_are_what_came(body: bytes, line: bytes) -> None:
    """Properties stay byte for byte except line ends; an ID becomes a string, as an import needs it."""
    found = orjson.loads(body)
    distinct_id = found["$distinct_id"]
    assert profile_line(keep_body(Profile(distinct_id=distinct_id), body)) == line + b"\n"
