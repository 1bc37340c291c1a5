import pytest

from mixpanel_async.actions import (
    Annotations,
    ApiObject,
    Experiments,
    FeatureFlags,
    LookupTables,
    Pipelines,
    Projects,
    Query,
    Schemas,
    ServiceAccounts,
)
from mixpanel_async.actions.pipelines.models import PipelineTask
from mixpanel_async.errors import BadRequestError, UnexpectedReplyError
from mixpanel_async.json_types import JSONValue
from tests.integration.actions.server import Recorder


async def test_unknown_fields_stay_reachable() -> None:
    """A field without an attribute is kept in raw, for lists, items and objects."""
    body = b'{"status": "ok", "results": [{"id": 1, "colour": "red", "tags": [{"id": 2, "new": 3}]}], "page": 1}'
    found = await Annotations(Recorder(body)).list()
    assert found[0].id == 1
    assert found[0].raw == {"id": 1, "colour": "red", "tags": [{"id": 2, "new": 3}]}
    assert found.raw == {"status": "ok", "results": [found[0].raw], "page": 1}
    assert ApiObject().raw is None


async def test_an_error_under_status_200_is_an_error() -> None:
    """A reply with a success status and an error in its body raises with Mixpanel's message."""
    body = b'{"status": "error", "type": "x", "error": "no such experiment"}'
    for call in (Experiments(Recorder(body)).get("e"), FeatureFlags(Recorder(body)).delete("f")):
        with pytest.raises(BadRequestError, match="no such experiment"):
            await call


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"results": 3}', b'{"results": [{"id": "x"}]}', b"\xff"])
async def test_another_shape_raises(body: bytes) -> None:
    """A reply of an unexpected form raises, and the error shows its beginning."""
    with pytest.raises(UnexpectedReplyError, match=r"annotations\.list: HTTP 200"):
        await Annotations(Recorder(body)).list()


@pytest.mark.parametrize(
    ("body", "status", "raw"),
    [
        (b"", None, None),
        (b"ok", "ok", "ok"),
        (b'"OK"\n', "OK", "OK"),
        (b"1", "1", 1),
        (b"true", "true", True),
        (b'{"status": 1}', 1, {"status": 1}),
        (b'{"status": "ok", "results": {}}', "ok", {"status": "ok", "results": {}}),
    ],
)
async def test_an_acknowledgement_says_that_it_is_done(body: bytes, status: str | int | None, raw: JSONValue) -> None:
    """An acknowledgement may be a word, an object or, where the reference describes no body, empty."""
    answer = await Pipelines(Recorder(body)).pause("n")
    assert (answer.status, answer.raw) == (status, raw)


async def test_a_new_service_account_does_not_show_its_secret() -> None:
    """The secret of a new account is an attribute, and is not in its repr or text."""
    body = b'{"status": "ok", "results": {"id": 1, "username": "u", "token": "hush"}}'
    account = await ServiceAccounts(Recorder(body)).create(9, "u")
    assert account.token == "hush"
    assert "hush" not in f"{account!r} {account}"


async def test_projects_are_read_from_their_ids() -> None:
    """Projects have their IDs, keep Mixpanel's order and have all fields in raw."""
    body = b'{"status": "ok", "results": {"projects": {"7": {"name": "A", "x": 1}, "3": {"name": "B"}}}}'
    found = await Projects(Recorder(body)).list()
    assert [(project.id, project.name) for project in found] == [(7, "A"), (3, "B")]
    assert found[0].raw == {"name": "A", "x": 1}
    with pytest.raises(UnexpectedReplyError):
        await Projects(Recorder(b'{"status": "ok"}')).list()


async def test_pipelines_of_several_projects() -> None:
    """Pipelines are one list, each with its project."""
    body = b'{"7": [{"name": "a", "Dispatcher": "x", "sync_enabled": "true"}], "8": [{"name": "b"}]}'
    found = await Pipelines(Recorder(body)).list()
    assert [(job.project_id, job.name, job.dispatcher) for job in found] == [("7", "a", "x"), ("8", "b", None)]


async def test_status_of_a_pipeline_with_and_without_summary() -> None:
    """Runs are grouped by state; with summary, there is only their number."""
    status = await Pipelines(Recorder(b'{"failed": [{"name": "a", "state": "failed"}]}')).status("n")
    assert status.tasks == {"failed": [PipelineTask(name="a", state="failed")]}
    summary = await Pipelines(Recorder(b'{"failed": 3}')).status("n", summary=True)
    assert summary.tasks == {"failed": 3}


async def test_bare_objects_and_envelopes_are_both_read() -> None:
    """A reply with an envelope is read even where the reference shows none."""
    for body in (b'{"description": "d"}', b'{"status": "ok", "results": {"description": "d"}}'):
        assert (await Schemas(Recorder(body)).get("event", "a")).description == "d"
    for body in (b'[{"id": 1, "name": "t"}]', b'{"status": "ok", "results": [{"id": 1, "name": "t"}]}'):
        assert [tag.name for tag in await Annotations(Recorder(body)).list_tags()] == ["t"]


async def test_csv_is_text() -> None:
    """With format="csv" the reply is returned unchanged."""
    text = await Query(Recorder(b"event,2026-08-01\r\na,1\r\n")).event_counts(
        "a", type="general", unit="day", interval=1, format="csv"
    )
    assert text == "event,2026-08-01\r\na,1\r\n"


async def test_distinct_ids_of_both_kinds() -> None:
    """A profile's id may be a number or text in JSON; it is not converted."""
    body = b'{"results": [{"$distinct_id": 4, "$properties": {}}, {"$distinct_id": "004"}], "page_size": 2}'
    page = await Query(Recorder(body)).profiles_page()
    assert [profile.distinct_id for profile in page.results] == [4, "004"]
    assert not page.is_last


async def test_lookup_tables_are_listed() -> None:
    """A table's id and name are read, and the rest is kept."""
    found = await LookupTables(Recorder(b'{"code": 200, "results": [{"id": "t", "name": "T", "rowCount": 3}]}')).list()
    assert (found[0].id, found[0].name, found[0].raw) == ("t", "T", {"id": "t", "name": "T", "rowCount": 3})
