"""What is written is read back: annotations, schemas, service accounts, warehouse imports, experiments and projects."""

import datetime as dt
import pathlib
import urllib.parse
from collections.abc import AsyncIterator

import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount
from mixpanel_async.actions import PeopleImport
from mixpanel_async.actions.schemas import Schema, SchemaJson
from mixpanel_async.actions.warehouse.models import DAILY, EventStreamImport
from mixpanel_async.emulator import Emulator, EmulatorSettings
from mixpanel_async.errors import BadRequestError, ForbiddenError, NotFoundError, UnauthorizedError
from tests.integration.emulator.api import Api, HandClock
from tests.integration.emulator.app.conftest import UNLIMITED

SECRET = "secret"
PROJECTS = """
[[project]]
id = 11
token = "one"
name = "Shop"
timezone = "Europe/Vienna"
organization_id = 5
workspaces = [71, 72]
[project.service_accounts]
boss = "secret"
[[project]]
id = 12
token = "two"
organization_id = 6
[project.service_accounts]
other = "secret"
"""


@pytest.fixture
async def closed(tmp_path: pathlib.Path, clock: HandClock) -> AsyncIterator[Emulator]:
    """A server with two projects of two organizations."""
    file = tmp_path / "projects.toml"
    file.write_text(PROJECTS)
    settings = EmulatorSettings(projects=file, data=tmp_path / "data.duckdb")
    async with Emulator(settings, now=clock.now, monotonic=clock.now) as emulator:
        yield emulator


def client(emulator: Emulator, user: str, secret: str = SECRET, project_id: int = 11) -> AsyncMixpanel:
    return AsyncMixpanel(
        credentials=ServiceAccount(user, secret), project_id=project_id, workspace_id=71, base_url=emulator.url,
        settings=UNLIMITED,
    )  # fmt: skip


async def test_annotations(mp: AsyncMixpanel) -> None:
    """Created, listed by days, changed, tagged and deleted; unknown IDs and tags are refused."""
    release = await mp.annotations.create_tag("release")
    assert (release.has_annotations, release.project_id) == (False, 1)
    assert release.id is not None
    first = await mp.annotations.create("2026-08-01 12:00:00", "One", tags=[release.id])
    second = await mp.annotations.create(dt.date(2026, 8, 31), "Two")
    assert first.id is not None
    assert second.id is not None
    assert second.id > first.id > release.id
    assert [tag.name for tag in first.tags] == ["release"]
    assert first.user is not None
    assert first.user.first_name == "account"
    assert [one.description for one in await mp.annotations.list()] == ["One", "Two"]
    days = ("2026-08-01", "2026-08-30")
    assert [one.id for one in await mp.annotations.list(from_date=days[0], to_date=days[1])] == [first.id]
    assert [one.id for one in await mp.annotations.list(from_date="2026-08-02")] == [second.id]
    changed = await mp.annotations.update(first.id, description="First")
    assert (changed.description, changed.date, len(changed.tags)) == ("First", "2026-08-01 12:00:00", 1)
    assert (await mp.annotations.update(first.id, tags=[])).tags == []
    assert (await mp.annotations.get(first.id)).description == "First"
    assert [tag.has_annotations for tag in await mp.annotations.list_tags()] == [False]
    assert (await mp.annotations.delete(first.id)).id == first.id
    for call in (mp.annotations.get, mp.annotations.delete):
        with pytest.raises(NotFoundError, match=str(first.id)):
            await call(first.id)
    with pytest.raises(BadRequestError, match="999"):
        await mp.annotations.update(second.id, tags=[999])
    with pytest.raises(BadRequestError, match="release"):
        await mp.annotations.create_tag("release")


async def test_schemas(mp: AsyncMixpanel) -> None:
    """Uploaded, replaced, found by type and name, deleted and counted; a name may have any characters."""
    plan = SchemaJson(description="d", properties={"plan": {"type": "string"}}, metadata={"com.mixpanel": {"tags": []}})
    entries = [Schema("Signed Up", "event", plan), Schema("a/b c", "event"), Schema("$user", "profile", plan)]
    assert (await mp.schemas.upload(entries)).added == 3
    assert [one.name for one in await mp.schemas.list()] == ["Signed Up", "a/b c", "$user"]
    assert (await mp.schemas.get("event", "Signed Up")) == plan
    await mp.schemas.upload_one("event", "a/b c", SchemaJson(description="other"))
    assert (await mp.schemas.get("event", "a/b c")).description == "other"
    assert len(await mp.schemas.list_for_entity("event")) == 2
    assert [one.name for one in await mp.schemas.list_for_entity("event", entity_name="a/b c")] == ["a/b c"]
    assert (await mp.schemas.delete("event", "a/b c")).delete_count == 1
    assert (await mp.schemas.delete("event", "a/b c")).delete_count == 0
    with pytest.raises(NotFoundError):
        await mp.schemas.get("event", "a/b c")
    truncated = await mp.schemas.upload([Schema("Signed Up", "event"), Schema("Paid", "event")], truncate=True)
    assert (truncated.added, truncated.deleted) == (2, 2)
    assert (await mp.schemas.delete_for_entity("profile")).delete_count == 0
    assert (await mp.schemas.delete_for_entity("event", entity_name="Paid")).delete_count == 1
    assert (await mp.schemas.delete_all()).delete_count == 1
    with pytest.raises(BadRequestError, match="type"):
        await mp.schemas.upload_one("event", "x", SchemaJson(properties={"plan": {"type": "text"}}))


async def test_limits_of_schemas(api: Api, clock: HandClock) -> None:
    """Requests and entities a minute, and deletions a request, are limited as the server is told."""
    path = "/api/app/projects/1/schemas"
    entries = [{"entityType": "event", "name": f"e{n}", "schemaJson": {}} for n in range(4)]
    api.emulator.limits.schemas_entities_per_minute = 5
    api.emulator.limits.schemas_max_deletions = 3
    assert (await api.post_json(path, {"entries": entries})).status == 200
    refused = await api.post_json(path, {"entries": entries})
    assert (refused.status, refused.headers["Retry-After"], refused.json()["status"]) == (429, "60", "error")
    assert (await api.call("DELETE", path)).status == 400
    clock.seconds += 60
    assert (await api.post_json(path, {"entries": entries[:1], "truncate": True})).status == 400
    assert len((await api.call("GET", path)).json()["results"]) == 4
    api.emulator.limits.schemas_max_deletions = 4
    api.emulator.limits.schemas_per_minute = 5
    clock.seconds += 60
    assert (await api.call("DELETE", path)).json()["results"] == {"delete_count": 4}
    assert [(await api.call("GET", path)).status for _ in range(5)] == [200] * 4 + [429]


async def test_a_created_account_works(closed: Emulator, clock: HandClock) -> None:
    """Its secret opens its projects, with its role, until it leaves the project, expires or is deleted."""
    async with client(closed, "boss") as boss:
        accounts = boss.service_accounts
        expires = dt.datetime.fromtimestamp(clock.seconds + 3600, dt.UTC)
        created = await accounts.create(5, "nightly", expires=expires, projects={11: "consumer"})
        assert created.username is not None
        assert created.token is not None
        assert created.id is not None
        async with client(closed, created.username, "wrong") as wrong:
            with pytest.raises(UnauthorizedError):
                await wrong.annotations.list()
        async with client(closed, created.username, created.token) as new:
            assert await new.annotations.list() == []
            with pytest.raises(ForbiddenError, match="consumer"):
                await new.annotations.create("2026-08-01 12:00:00", "One")
            with pytest.raises(ForbiddenError):
                await new.service_accounts.create(5, "mine")
            with pytest.raises(ForbiddenError):
                await new.annotations.list(project_id=12)
            assert (await accounts.get(5, created.id)).last_used is not None
            await accounts.add_to_projects(5, [created.id], {11: "analyst"})
            assert (await new.annotations.create("2026-08-01 12:00:00", "One")).id is not None
            members = {one.username: one.role for one in await accounts.list_for_project()}
            assert members == {"boss": "owner", created.username: "analyst"}
            await accounts.remove_from_projects(5, {11: [created.id]})
            with pytest.raises(UnauthorizedError):
                await new.annotations.list()
            await accounts.add_to_projects(5, [created.id], {11: "admin"})
            clock.seconds += 3600
            with pytest.raises(UnauthorizedError):
                await new.annotations.list()
        assert [one.username for one in await accounts.list(5)] == ["boss", created.username]
        await accounts.delete(5, created.id)
        for call in (accounts.get, accounts.delete):
            with pytest.raises(NotFoundError):
                await call(5, created.id)


async def test_organizations_are_separate(closed: Emulator) -> None:
    """Accounts of another organization, and projects of it, cannot be reached; those of the file stay."""
    async with client(closed, "boss") as boss:
        with pytest.raises(ForbiddenError):
            await boss.service_accounts.list(6)
        with pytest.raises(NotFoundError, match="12"):
            await boss.service_accounts.create(5, "x", projects={12: "admin"})
        with pytest.raises(NotFoundError, match="99"):
            await boss.service_accounts.add_to_projects(5, [99], {11: "admin"})
        (own,) = await boss.service_accounts.list(5)
        assert own.id is not None
        with pytest.raises(BadRequestError, match="projects file"):
            await boss.service_accounts.delete(5, own.id)
        assert (await boss.service_accounts.get(5, own.id)).username == "boss"


async def test_me(closed: Emulator) -> None:
    """The projects that the credential opens, with their workspaces and organizations; no others."""
    async with client(closed, "boss") as boss:
        projects = await boss.projects.list()
        (project,) = projects
        assert (project.id, project.name, project.timezone) == (11, "Shop", "Europe/Vienna")
        assert isinstance(projects.raw, dict)
        results = projects.raw["results"]
        assert isinstance(results, dict)
        assert list(results["workspaces"]) == ["71", "72"]
        assert list(results["organizations"]) == ["5"]
        with pytest.raises(ForbiddenError, match="workspace 1"):
            await boss.experiments.list(workspace_id=1)
        assert await boss.experiments.list(workspace_id=72) == []


async def test_warehouse_imports(mp: AsyncMixpanel, clock: HandClock) -> None:
    """Created, scheduled, run, seen running and done, paused, changed and deleted."""
    settings = PeopleImport(
        warehouse_source_id=5, table_params={"table": "users"}, sync_mode="full_sync", user_column_name="id"
    )
    created = await mp.warehouse.create_people(settings)
    assert (created.import_type, created.paused, created.run_every, created.last_dispatch) == ("people", False, 0, None)
    assert created.id is not None
    assert (await mp.warehouse.history(created.id)).runs == []
    run = await mp.warehouse.run(created.id)
    assert run.run_id
    states = [[one.status for one in (await mp.warehouse.history(created.id)).runs] for _ in range(2)]
    assert states == [["RUNNING"], ["SUCCEEDED"]]
    await mp.warehouse.run(created.id)
    changed = await mp.warehouse.update(created.id, paused=True, run_every=DAILY)
    assert (changed.paused, changed.run_every) == (True, DAILY)
    newest, oldest = (await mp.warehouse.history(created.id)).runs
    assert (newest.status, oldest.status) == ("CANCELLED", "SUCCEEDED")
    with pytest.raises(BadRequestError, match="paused"):
        await mp.warehouse.run(created.id)
    await mp.warehouse.update(created.id, paused=False, run_every=DAILY)
    clock.seconds += 86_400
    assert (await mp.warehouse.history(created.id)).runs[0].status == "RUNNING"
    assert [one.id for one in await mp.warehouse.list()] == [created.id]
    await mp.warehouse.delete(created.id, delete_data=True)
    assert await mp.warehouse.list() == []
    for call in (mp.warehouse.get, mp.warehouse.run, mp.warehouse.history, mp.warehouse.delete):
        with pytest.raises(NotFoundError):
            await call(created.id)


async def test_a_scheduled_import_runs_at_once_and_again(mp: AsyncMixpanel, clock: HandClock) -> None:
    """An import with a schedule starts when it is created, and then in each interval."""
    settings = EventStreamImport(
        warehouse_source_id=5, table_params={"table": "e"}, sync_mode="full_sync", time_column_name="t",
        event_name="e", run_every=DAILY,
    )  # fmt: skip
    created = await mp.warehouse.create_event_stream(settings)
    assert created.id is not None
    start = created.last_dispatch
    assert isinstance(start, int)
    clock.seconds += 86_399
    assert (await mp.warehouse.get(created.id)).last_dispatch == start
    clock.seconds += 2 * 86_400
    assert (await mp.warehouse.get(created.id)).last_dispatch == start + 2 * 86_400
    assert [one.status for one in (await mp.warehouse.history(created.id)).runs] == ["RUNNING", "SUCCEEDED"]


async def test_experiments(mp: AsyncMixpanel) -> None:
    """From draft to success, with its dates and its decision; what was changed is read back."""
    created = await mp.experiments.create("Checkout", hypothesis="h", variants=[{"key": "one"}, {"key": "two"}])
    assert (created.status, created.creator_name, created.start_date) == ("draft", "account", None)
    assert created.id is not None
    key = created.id
    changed = await mp.experiments.update(key, tags=["t"], description="d", settings={"a": 1})
    assert (changed.tags, changed.description, changed.settings, changed.hypothesis) == (["t"], "d", {"a": 1}, "h")
    for early in (mp.experiments.force_conclude(key), mp.experiments.decide(key, success=True)):
        with pytest.raises(BadRequestError, match="draft"):
            await early
    assert (await mp.experiments.launch(key)).start_date is not None
    with pytest.raises(BadRequestError, match="active"):
        await mp.experiments.launch(key)
    with pytest.raises(BadRequestError, match="before the start"):
        await mp.experiments.force_conclude(key, end_date="2020-01-01")
    assert (await mp.experiments.force_conclude(key, end_date="2030-01-01")).end_date == "2030-01-01T00:00:00Z"
    with pytest.raises(BadRequestError, match="three"):
        await mp.experiments.decide(key, success=True, variant="three")
    decided = await mp.experiments.decide(key, success=True, variant="two", message="more users pay")
    assert (decided.status, decided.results_cache) == ("success", {"variant": "two", "message": "more users pay"})
    await mp.experiments.archive(key)
    assert await mp.experiments.list() == []
    with pytest.raises(BadRequestError, match="archived"):
        await mp.experiments.update(key, name="n")
    assert (await mp.experiments.unarchive(key)).deleted is None
    assert [one.id for one in await mp.experiments.list()] == [key]
    await mp.experiments.delete(key)
    with pytest.raises(NotFoundError):
        await mp.experiments.get(key)


async def test_a_restart_keeps_everything_and_a_reset_nothing(tmp_path: pathlib.Path) -> None:
    """With a data file, documents, IDs and accounts survive a restart; a reset deletes them."""
    settings = EmulatorSettings(data=tmp_path / "data.duckdb")
    async with Emulator(settings) as emulator, client(emulator, "boss") as mp:
        first = await mp.annotations.create("2026-08-01 12:00:00", "One")
        created = await mp.service_accounts.create(1, "nightly", projects={1: "analyst"})
        experiment = await mp.experiments.create("Checkout")
    async with Emulator(settings) as emulator:
        async with client(emulator, created.username or "", created.token or "") as mp:
            assert [one.id for one in await mp.annotations.list()] == [first.id]
            assert experiment.id is not None
            assert (await mp.experiments.get(experiment.id)).name == "Checkout"
            second = await mp.annotations.create("2026-08-01 12:00:00", "Two")
            assert (second.id or 0) > (first.id or 0)
            assert [one.role for one in await mp.service_accounts.list_for_project()] == ["analyst"]
        await emulator.reset()
        async with client(emulator, "boss") as mp:
            assert await mp.annotations.list() == []
            assert await mp.service_accounts.list(1) == []
            with pytest.raises(NotFoundError):
                await mp.experiments.get(experiment.id or "")


@pytest.mark.parametrize("key", [b"x" * 200, "ß/%2F?#".encode(), b"0", b"-1", b"1e3", b"99999999999999999999"])
async def test_strange_ids(api: Api, key: bytes) -> None:
    """An ID of any form that names nothing gets a 404, never an error of the server."""
    text = urllib.parse.quote(key, safe="")
    root = "/api/app/projects/1"
    paths = (
        f"{root}/annotations/{text}", f"{root}/warehouse-sources/imports/{text}", f"{root}/schemas/event/{text}",
        f"{root}/workspaces/1/feature-flags/{text}", f"{root}/workspaces/{text}x/feature-flags/1",
        f"/api/app/workspaces/1/experiments/{text}", f"/api/app/organizations/1/service-accounts/{text}",
        f"/api/app/organizations/{text}x/service-accounts", f"/_retrievals/{text}/1/1",
    )  # fmt: skip
    for path in paths:
        assert (await api.call("GET", path)).status == 404, path
