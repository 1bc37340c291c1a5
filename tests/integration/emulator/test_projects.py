import pathlib
import re
from collections.abc import AsyncIterator

import aiohttp
import duckdb
import orjson
import pytest

from mixpanel_async.emulator import Emulator, EmulatorSettings
from mixpanel_async.errors import InvalidSettingError
from tests.integration.emulator.api import DAY, Answer, Api, HandClock, event, exported

FILE = """
[[project]]
id = 7
token = "token-seven"
secret = "secret-seven"
name = "Seven"
id_merge = "original"
oauth_tokens = ["bearer-seven"]
[project.service_accounts]
both = "account-secret"

[[project]]
id = 8
token = "token-eight"
timezone = "Europe/Berlin"
[project.service_accounts]
both = "account-secret"
eight = "eight-secret"
"""
BOTH = aiohttp.encode_basic_auth("both", "account-secret")
EIGHT = aiohttp.encode_basic_auth("eight", "eight-secret")


@pytest.fixture
def projects_file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "projects.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture
async def shared_server(projects_file: pathlib.Path, clock: HandClock) -> AsyncIterator[Api]:
    async with (
        Emulator(EmulatorSettings(projects=projects_file), now=clock.now, monotonic=clock.now) as emulator,
        aiohttp.ClientSession() as session,
    ):
        yield Api(emulator, session)


async def numbers_of(api: Api, project: int, authorization: str) -> list[str]:
    query: dict[str, str | int] = {"project_id": project, "from_date": DAY, "to_date": DAY}
    answer = await api.call("GET", "/api/2.0/export", query=query, authorization=authorization)
    return [one["properties"]["$insert_id"] for one in exported(answer)]


async def test_a_token_names_the_project_of_a_record(shared_server: Api) -> None:
    """Each record of /track, /engage and /groups goes to the project of its token; others are ignored."""
    tokens = ("token-seven", "token-eight", "other")
    await shared_server.post_json("/track", [event(n, token=token) for n, token in enumerate(tokens)])
    users = [{"$token": token, "$distinct_id": "u", "$set": {"n": n}} for n, token in enumerate(tokens)]
    await shared_server.post_json("/engage", users)
    groups = [{"$token": t, "$group_key": "c", "$group_id": "g", "$set": {"n": n}} for n, t in enumerate(tokens)]
    await shared_server.post_json("/groups", groups)
    for number, project in enumerate((7, 8)):
        assert await numbers_of(shared_server, project, BOTH) == [f"id-{number}"]
        assert await shared_server.emulator.profiles(project=project) == {"u": {"n": number}}
        assert await shared_server.emulator.groups(project=project) == {("c", "g"): {"n": number}}
    assert (await shared_server.emulator.counts()).ignored == 3


@pytest.mark.parametrize(
    ("authorization", "asked", "project"),
    [
        (BOTH, 7, 7),
        (BOTH, 8, 8),
        (EIGHT, 8, 8),
        (aiohttp.encode_basic_auth("token-seven", ""), None, 7),
        (aiohttp.encode_basic_auth("token-eight", ""), None, 8),
        (aiohttp.encode_basic_auth("secret-seven", ""), None, 7),
        ("Bearer bearer-seven", None, 7),
    ],
)
async def test_a_credential_opens_its_project(
    shared_server: Api, authorization: str, asked: int | None, project: int
) -> None:
    """An import goes to the project that the credential and `project_id` name."""
    query = {} if asked is None else {"project_id": asked}
    body = orjson.dumps([event()])
    answer = await shared_server.call("POST", "/import", query=query, body=body, authorization=authorization)
    assert answer.status == 200
    stored = {one: len(await shared_server.emulator.events(project=one)) for one in (7, 8)}
    assert stored == {7: 0, 8: 0, project: 1}


@pytest.mark.parametrize(
    ("authorization", "asked"),
    [
        (EIGHT, 7),
        (aiohttp.encode_basic_auth("token-seven", ""), 8),
        (aiohttp.encode_basic_auth("secret-seven", ""), 8),
        (aiohttp.encode_basic_auth("token-nine", ""), None),
        ("Bearer bearer-seven", 8),
        (BOTH, 9),
    ],
)
async def test_a_credential_does_not_open_another_project(
    shared_server: Api, authorization: str, asked: int | None
) -> None:
    """A credential of one project is refused for every other."""
    query = {} if asked is None else {"project_id": asked}
    body = orjson.dumps([event()])
    answer = await shared_server.call("POST", "/import", query=query, body=body, authorization=authorization)
    assert answer.status == 401


async def test_what_is_stored_for_one_project_is_not_seen_in_another(shared_server: Api) -> None:
    """Queries, lookup tables and deduplication stay within a project."""
    for project in (7, 8):
        body = orjson.dumps([event()])
        await shared_server.call("POST", "/import", query={"project_id": project}, body=body, authorization=BOTH)
    await shared_server.call(
        "PUT",
        "/lookup-tables/t",
        query={"project_id": 7},
        body=b"id\n1\n",
        headers={"Content-Type": "text/csv"},
        authorization=BOTH,
    )
    names: dict[str, str | int] = {"type": "general", "project_id": 8}
    found = await shared_server.call("GET", "/api/query/events/names", query=names, authorization=BOTH)
    assert found.json() == ["Signed Up"]
    assert [len(await shared_server.emulator.deduplicated_events(project=project)) for project in (7, 8)] == [1, 1]
    assert await shared_server.emulator.lookup_tables(project=8) == {}


async def test_rate_limits_are_per_project(shared_server: Api) -> None:
    """One project's requests do not use up the limit of another."""
    shared_server.emulator.limits.change({"events_per_minute": 1})
    statuses = []
    for project in (7, 7, 8):
        body = orjson.dumps([event()])
        answer = await shared_server.call(
            "POST", "/import", query={"project_id": project}, body=body, authorization=BOTH
        )
        statuses.append(answer.status)
    assert statuses == [200, 429, 200]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "project"),
        ("project = []", "has no [[project]]"),
        ("[[project]\n", "is invalid"),
        ("[[project]]\nid = 1\n", "token"),
        ('[[project]]\nid = 1\ntoken = "t"\ncolor = "red"\n', "color"),
        ('[[project]]\nid = 1\ntoken = "t"\nid_merge = "other"\n', "id_merge"),
        ('[[project]]\nid = 1\ntoken = "t"\n[[project]]\nid = 2\ntoken = "t"\n', "the same token"),
    ],
)
async def test_a_wrong_file_says_what_is_wrong(tmp_path: pathlib.Path, text: str, message: str) -> None:
    """A projects file that cannot be used ends the start with a message that names the mistake."""
    path = tmp_path / "projects.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidSettingError, match=re.escape(message)):
        await Emulator(EmulatorSettings(projects=path)).start()


async def test_a_missing_file_and_two_descriptions_are_errors(projects_file: pathlib.Path) -> None:
    """The file must exist, and the settings of one project cannot be added to it."""
    with pytest.raises(InvalidSettingError, match="cannot be read"):
        await Emulator(EmulatorSettings(projects=projects_file.with_name("none.toml"))).start()
    with pytest.raises(InvalidSettingError, match="write them into the file"):
        await Emulator(EmulatorSettings(projects=projects_file, token="t")).start()


async def test_a_data_file_of_another_version_is_refused(tmp_path: pathlib.Path) -> None:
    """A data file with other tables, and a file that is not DuckDB's, stay as they are."""
    old = tmp_path / "old.duckdb"
    with duckdb.connect(str(old)) as connection:
        connection.execute("CREATE TABLE events (seq BIGINT)")
    other = tmp_path / "other.duckdb"
    other.write_text("not a database" * 1000, encoding="utf-8")
    for path in (old, other):
        before = path.read_bytes()
        with pytest.raises(InvalidSettingError, match=re.escape(str(path))):
            await Emulator(EmulatorSettings(data=path)).start()
        assert path.read_bytes() == before


async def test_only_named_lookup_tables_are_replaced(tmp_path: pathlib.Path) -> None:
    """A project that names its lookup tables lists them from the start, and has no others, also after a reset."""
    path = tmp_path / "projects.toml"
    path.write_text('[[project]]\nid = 1\ntoken = "t"\n[project.lookup_tables]\n"f077cb07" = "Plans"\n')
    query = {"project_id": 1}
    async with Emulator(EmulatorSettings(projects=path)) as emulator, aiohttp.ClientSession() as session:
        api = Api(emulator, session)

        async def put(table_id: str) -> Answer:
            headers = {"Content-Type": "text/csv"}
            return await api.call("PUT", f"/lookup-tables/{table_id}", query=query, body=b"id\n1\n", headers=headers)

        for _ in range(2):
            assert (await api.call("GET", "/lookup-tables", query=query)).json()["results"] == [
                {"id": "f077cb07", "name": "Plans"}
            ]
            unknown = await put("other")
            assert (unknown.status, unknown.json()["error"]) == (404, "Lookup table with id 'other' was not found.")
            assert (await put("f077cb07")).status == 200
            assert await emulator.lookup_tables() == {"f077cb07": "id\n1\n"}
            assert (await api.call("DELETE", "/lookup-tables/f077cb07", query=query)).status == 200
            assert (await put("f077cb07")).status == 404
            await emulator.reset()
