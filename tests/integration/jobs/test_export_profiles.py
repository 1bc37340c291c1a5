"""An export of profiles is complete or raises, and can be imported again unchanged."""

import pathlib

import orjson
import pytest
from aiohttp import web

from mixpanel_async import AsyncMixpanel, Properties, ServiceAccount, Settings
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
from mixpanel_async.jobs.exports.profile_pages import profile_line
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


AWKWARD: Properties = {
    "text": 'a "quoted", \r\n\t\u2028 text; with = and , and \'',
    "number": 12345678901234567890,
    "small": 1e-300,
    "nothing": None,
    "empty": "",
    "deep": {"list": [1, "2", {"x": False}]},
    "$name": "Zürich 東京",
}
FORMATS = ["ndjson", "jsonl", "ndjson.gz", "ndjson.zst", "csv", "csv.gz", "csv.zst", "parquet"]


@pytest.mark.parametrize("suffix", FORMATS)
async def test_every_format_goes_in_again(
    suffix: str, connect: Connect, server: Emulator, tmp_path: pathlib.Path
) -> None:
    """Profiles of users and groups in every format come back with every property, without an option."""
    client = connect()
    for number in range(30):
        await client.people.set(f"user-{number}", {**AWKWARD, "n": number})
    await client.groups.set("company", 'a "quoted", group', AWKWARD)
    assert (await client.flush(timeout=20)).is_complete
    users, groups = tmp_path / f"users.{suffix}", tmp_path / f"groups.{suffix}"
    report = await client.export.profiles_to_file(users)
    assert (report.profiles, report.written_bytes) == (30, users.stat().st_size)
    await client.export.groups_to_file(groups, "company", "company")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([users.name, groups.name])  # noqa: ASYNC240
    async with Emulator() as other, AsyncMixpanel("token", base_url=other.url) as moved:
        assert (await moved.import_profiles(users)).imported == 30
        assert (await moved.import_groups(groups)).imported == 1
        assert without_last_seen(await other.profiles()) == without_last_seen(await server.profiles())
        assert await other.groups() == await server.groups()


def without_last_seen(profiles: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    return {name: {k: v for k, v in one.items() if k != "$last_seen"} for name, one in profiles.items()}


async def test_an_existing_file_stays(connect: Connect, server: Emulator, tmp_path: pathlib.Path) -> None:
    """A file that exists is not replaced unless the caller says so, and nothing is requested."""
    path = tmp_path / "profiles.csv"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        await connect().export.profiles_to_file(path)
    assert not server.requests
    assert path.read_bytes() == b"mine"
    await connect().export.profiles_to_file(path, overwrite=True)
    assert path.read_bytes().startswith(b'"$distinct_id","$properties"')


async def test_a_store(connect: Connect) -> None:
    """A URL of a store is a target; what it cannot do is refused with the reason."""
    client = connect()
    await client.people.set("u", {"n": 1})
    await client.flush(10)
    report = await client.export.profiles_to_file("memory://exports/profiles.ndjson", overwrite=True)
    assert report.files == ("memory://exports/profiles.ndjson",)
    assert (await connect().import_profiles("memory://exports/profiles.ndjson")).imported == 1
    with pytest.raises(InvalidArgumentError, match="resume is invalid: a store keeps nothing"):
        await client.export.profiles_to_file("memory://exports/other.ndjson", resume=True)


@pytest.mark.parametrize("name", ["profiles", "profiles.xlsx", "profiles.parquet.gz"])
async def test_an_unknown_suffix(name: str, connect: Connect, server: Emulator, tmp_path: pathlib.Path) -> None:
    """A suffix that names no format is refused, and not written as something else."""
    with pytest.raises(InvalidArgumentError, match="path is invalid"):
        await connect().export.profiles_to_file(tmp_path / name)
    assert not server.requests


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
                await client.export.profiles_to_file(tmp_path / "a.ndjson")
    assert not (tmp_path / "a.ndjson").exists()


@pytest.mark.parametrize("path", ["", "/", "/missing/"])
async def test_a_directory_is_refused(connect: Connect, server: Emulator, tmp_path: pathlib.Path, path: str) -> None:
    """Profiles go to one file; a directory is refused before anything is requested."""
    with pytest.raises(InvalidArgumentError, match="is a directory; name a file"):
        await connect().export.profiles_to_file(f"{tmp_path}{path}")
    assert not server.requests


async def test_a_disk_that_is_full(connect: Connect) -> None:
    """The error for a file that cannot be written names it."""
    with pytest.raises(OutputError, match="/dev/full"):
        await connect().export.profiles_to_file("/dev/full/x.ndjson")


async def test_groups_need_the_id_of_their_key(connect: Connect, tmp_path: pathlib.Path) -> None:
    """A group key alone does not make user profiles those of groups: it is refused before anything is requested."""
    client = connect()
    with pytest.raises(InvalidArgumentError, match="data_group_id is missing"):
        await client.export.profiles_to_file(tmp_path / "a.csv", group_key="company")
    with pytest.raises(InvalidArgumentError, match="data_group_id is missing"):
        await anext(client.export.profiles(group_key="company"))
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


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
