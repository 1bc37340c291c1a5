"""A project's data arrives in another project as it was, however often the migration is interrupted."""

import asyncio
import pathlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount, Settings
from mixpanel_async.actions.schemas import Schema, SchemaJson
from mixpanel_async.emulator import Emulator, EmulatorSettings
from mixpanel_async.errors import InvalidArgumentError, MissingCredentialsError
from mixpanel_async.migration import MigrationOptions, MigrationReport, Part, migrate
from tests.virtual_time import FastClock

NOW = time.time()
DAY = time.strftime("%Y-%m-%d", time.gmtime(NOW - 3 * 86_400))
LAST = time.strftime("%Y-%m-%d", time.gmtime(NOW))
ANON = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(5)]
ACCOUNT = "account"
PROJECTS = """
[[project]]
id = 1
token = "token-of-source"
id_merge = "{source}"
[project.service_accounts]
account = "account-secret"

[[project]]
id = 2
token = "token-of-target"
id_merge = "{target}"
[project.service_accounts]
account = "account-secret"
"""
Make = Callable[[str, str], object]


class Both:
    """Two projects of one server, and a client of each."""

    def __init__(self, server: Emulator) -> None:
        self.server = server
        self.source = self._client(1, "token-of-source")
        self.target = self._client(2, "token-of-target")

    def _client(self, project_id: int, token: str) -> AsyncMixpanel:
        account = ServiceAccount(ACCOUNT, "account-secret")
        settings = Settings(linger_seconds=0.05)
        return AsyncMixpanel(
            token, credentials=account, project_id=project_id, base_url=self.server.url, clock=FastClock(),
            settings=settings,
        )  # fmt: skip

    async def aclose(self) -> None:
        await self.source.aclose(5)
        await self.target.aclose(5)


@pytest.fixture
async def make(tmp_path: pathlib.Path) -> AsyncIterator[Callable[..., object]]:
    made: list[tuple[Emulator, Both]] = []

    async def both(source: str, target: str) -> Both:
        path = tmp_path / "projects.toml"
        path.write_text(PROJECTS.format(source=source, target=target))
        server = Emulator(EmulatorSettings(projects=path))
        await server.start()
        pair = Both(server)
        made.append((server, pair))
        return pair

    yield both
    for server, pair in made:
        await pair.aclose()
        await server.stop()


async def fill(mp: AsyncMixpanel, *, is_original: bool) -> None:
    """Put events, profiles, groups, a schema and annotations into a project."""
    for number in range(60):
        user = ANON[number % 5] if is_original and number < 30 else f"user-{number % 5}"
        at = NOW - 2 * 86_400 + number
        await mp.import_event(user, "Viewed", {"n": number, "text": "ü\u2028"}, time=at, insert_id=f"e{number}")
    if is_original:
        for number in range(5):
            await mp.identify(f"user-{number}", ANON[number])
    else:
        both = {"$device_id": "d1", "$user_id": "user-1"}
        await mp.import_event("user-1", "Signed Up", both, time=NOW - 86_400, insert_id="both")
    for number in range(5):
        await mp.people.set(f"user-{number}", {"n": number, "deep": {"a": [1.5, None]}})
    await mp.groups.set("company", "acme", {"size": 7})
    assert (await mp.flush(20)).is_complete
    await mp.schemas.upload([Schema(entity_type="event", name="Viewed", schema_json=SchemaJson(description="A page"))])
    tag = await mp.annotations.create_tag("release")
    await mp.annotations.create(f"{DAY} 12:00:00", "v1", tags=[tag.id])


async def run(both: Both, folder: pathlib.Path, options: MigrationOptions | None = None) -> MigrationReport:
    options = options or MigrationOptions(groups={"company": "company"}, wait_seconds=0)
    return await migrate(both.source, both.target, folder, DAY, LAST, options=options)


@pytest.mark.parametrize(
    ("source", "target"), [("simplified", "simplified"), ("original", "original"), ("original", "simplified")]
)
async def test_both_projects_are_equal(source: str, target: str, make: Make, tmp_path: pathlib.Path) -> None:
    """In each mode of identity, both projects have the same events of the same users, profiles, groups and the rest."""
    both: Both = await make(source, target)  # type: ignore[misc]
    await fill(both.source, is_original=source == "original")
    simplify = source != target
    options = MigrationOptions(groups={"company": "company"}, simplify_ids=simplify, wait_seconds=0)
    report = await run(both, tmp_path / "m", options)
    assert report.is_complete, report
    assert report.comparison is not None
    assert report.comparison.is_equal
    for part in report.parts:
        assert part.read == part.written + part.duplicates + part.skipped + part.rejected + part.undelivered
    server = both.server
    assert await users_of(both.source) == await users_of(both.target)
    own, theirs = [
        {name: {k: v for k, v in one.items() if k != "$last_seen"} for name, one in found.items()}
        for found in (await server.profiles(project=1), await server.profiles(project=2))
    ]
    assert own == theirs
    assert await server.groups(project=1) == await server.groups(project=2)
    assert [one.name for one in await both.target.schemas.list()] == ["Viewed"]
    (annotation,) = await both.target.annotations.list()
    assert (annotation.description, [tag.name for tag in annotation.tags]) == ("v1", ["release"])


async def users_of(mp: AsyncMixpanel) -> dict[object, str]:
    """Return the user whom the export names for each event."""
    users: dict[object, str] = {}
    async for event in mp.export.events(DAY, LAST, event="Viewed"):
        properties = event["properties"]
        assert isinstance(properties, dict)
        users[properties["n"]] = properties["distinct_id"]
    return users


async def test_again(make: Make, tmp_path: pathlib.Path) -> None:
    """A migration that is run twice adds nothing."""
    both: Both = await make("simplified", "simplified")  # type: ignore[misc]
    await fill(both.source, is_original=False)
    first = await run(both, tmp_path / "m")
    events = await both.server.deduplicated_events(project=2)
    second = await run(both, tmp_path / "m")
    assert first.is_complete
    assert second.is_complete
    assert await both.server.deduplicated_events(project=2) == events
    assert len(await both.target.annotations.list()) == 1


@pytest.mark.parametrize("steps", range(1, 30, 4))
async def test_interrupted(steps: int, make: Make, tmp_path: pathlib.Path) -> None:
    """A migration that is cancelled anywhere goes on, and both projects are equal in the end."""
    both: Both = await make("original", "original")  # type: ignore[misc]
    await fill(both.source, is_original=True)
    task = asyncio.create_task(run(both, tmp_path / "m"))
    seen = len(both.server.requests)
    while len(both.server.requests) < seen + steps and not task.done():  # noqa: ASYNC110 - requests, not time
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.wait([task])
    report = await run(both, tmp_path / "m")
    assert report.is_complete, report
    assert await users_of(both.source) == await users_of(both.target)


async def test_a_dry_run(make: Make, tmp_path: pathlib.Path) -> None:
    """A dry run reads and checks everything and writes nothing to the target."""
    both: Both = await make("simplified", "simplified")  # type: ignore[misc]
    await fill(both.source, is_original=False)
    options = MigrationOptions(groups={"company": "company"}, dry_run=True)
    report = await run(both, tmp_path / "m", options)
    assert {part.part: part.read for part in report.parts} == {
        "schemas": 1, "identity events": 0, "events": 61, "profiles": 5, "groups of company": 1, "annotations": 1,
    }  # fmt: skip
    assert report.comparison is None
    assert await both.server.events(project=2) == []
    assert await both.server.profiles(project=2) == {}
    assert list(await both.target.schemas.list()) == []
    assert list(await both.target.annotations.list()) == []


async def test_only_some_parts(make: Make, tmp_path: pathlib.Path) -> None:
    """Only the chosen parts are migrated; a part that does not exist, or the same project twice, is refused."""
    both: Both = await make("simplified", "simplified")  # type: ignore[misc]
    await fill(both.source, is_original=False)
    report = await run(both, tmp_path / "m", MigrationOptions(parts=["profiles"]))
    assert [part.part for part in report.parts] == ["profiles"]
    assert await both.server.events(project=2) == []
    with pytest.raises(InvalidArgumentError, match="parts is invalid"):
        MigrationOptions(parts=["reports"])  # type: ignore[list-item]
    with pytest.raises(InvalidArgumentError, match="is the project to read"):
        await migrate(both.source, both.source, tmp_path / "n", DAY, LAST)


@pytest.mark.parametrize(
    "wrong",
    [
        {"wait_seconds": float("nan")},
        {"wait_seconds": -1},
        {"parts": ["events"], "groups": {"company": 1}},
        {"parts": ["groups"]},
        {"parts": "events"},
    ],
)
def test_wrong_options(wrong: dict[str, Any]) -> None:
    """Options that cannot be meant are refused before anything is exported."""
    with pytest.raises(InvalidArgumentError):
        MigrationOptions(**wrong)


async def test_refused_before_it_begins(make: Make, tmp_path: pathlib.Path) -> None:
    """Days in the wrong order, and a target without a token for profiles, are refused; no directory is made."""
    both: Both = await make("simplified", "simplified")  # type: ignore[misc]
    with pytest.raises(InvalidArgumentError, match="is before from_date"):
        await migrate(both.source, both.target, tmp_path / "m", LAST, DAY)
    account = ServiceAccount(ACCOUNT, "account-secret")
    async with AsyncMixpanel(credentials=account, project_id=2, base_url=both.server.url) as target:
        with pytest.raises(MissingCredentialsError, match="the project token of the target"):
            await migrate(both.source, target, tmp_path / "m", DAY, LAST)
    assert not (tmp_path / "m").exists()
    assert await both.server.events(project=2) == []


async def test_a_directory_of_another_migration(make: Make, tmp_path: pathlib.Path) -> None:
    """A directory is not used for other days, projects or ids; the error names what is different."""
    both: Both = await make("simplified", "simplified")  # type: ignore[misc]
    await run(both, tmp_path / "m", MigrationOptions(parts=["annotations"]))
    with pytest.raises(InvalidArgumentError, match="belongs to a migration with another simplify_ids"):
        await run(both, tmp_path / "m", MigrationOptions(parts=["annotations"], simplify_ids=True))
    with pytest.raises(InvalidArgumentError, match="another source, target"):
        await migrate(both.target, both.source, tmp_path / "m", DAY, LAST)
    assert "token" not in (tmp_path / "m" / "migration.json").read_text()


async def test_groups_with_names_that_are_alike(make: Make, tmp_path: pathlib.Path) -> None:
    """Each group key has files of its own, and so has each ID: a wrong one can be corrected in the same directory."""
    both: Both = await make("simplified", "simplified")  # type: ignore[misc]
    await both.source.groups.set("a/b", "x", {"n": 1})
    await both.source.groups.set("a_b", "y", {"n": 2})
    assert (await both.source.flush(5)).is_complete
    for groups in ({"a/b": "wrong", "a_b": "a_b"}, {"a/b": "a/b", "a_b": "a_b"}):
        report = await run(both, tmp_path / "m", MigrationOptions(parts=["groups"], groups=groups))
        assert report.is_complete, report
    assert await both.server.groups(project=2) == await both.server.groups(project=1)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_profiles_that_changed_since(dry_run: bool, make: Make, tmp_path: pathlib.Path) -> None:
    """After a dry run, or a migration that has ended, profiles and groups are exported anew."""
    both: Both = await make("simplified", "simplified")  # type: ignore[misc]
    await fill(both.source, is_original=False)
    parts: list[Part] = ["profiles", "groups"]
    first = MigrationOptions(parts=parts, groups={"company": "company"}, dry_run=dry_run)
    assert (await run(both, tmp_path / "m", first)).is_complete
    await both.source.people.set("user-0", {"n": 99})
    await both.source.people.set("late", {"n": 100})
    await both.source.groups.set("company", "late", {"n": 101})
    assert (await both.source.flush(5)).is_complete
    options = MigrationOptions(parts=parts, groups={"company": "company"})
    assert (await run(both, tmp_path / "m", options)).is_complete
    profiles = await both.server.profiles(project=2)
    assert (profiles["user-0"]["n"], profiles["late"]["n"]) == (99, 100)
    assert await both.server.groups(project=2) == await both.server.groups(project=1)


async def test_the_same_project_by_its_id_or_token(make: Make, tmp_path: pathlib.Path) -> None:
    """A project is not copied into itself, also where only one of the clients has a token or an ID."""
    both: Both = await make("simplified", "simplified")  # type: ignore[misc]
    account = ServiceAccount(ACCOUNT, "account-secret")
    url = both.server.url
    async with (
        AsyncMixpanel(credentials=account, project_id=1, base_url=url) as same_id,
        AsyncMixpanel("token-of-source", credentials=account, project_id=2, base_url=url) as same_token,
    ):
        for target in (same_id, same_token):
            with pytest.raises(InvalidArgumentError, match="is the project to read"):
                await migrate(both.source, target, tmp_path / "m", DAY, LAST)
    assert not both.server.requests
