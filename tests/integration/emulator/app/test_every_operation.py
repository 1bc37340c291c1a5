"""Every published operation answers from state, with the published status and reply."""

from typing import Any

import pytest

from tests.contract.operations import OPERATIONS
from tests.contract.schema import problems
from tests.integration.emulator.api import Api
from tests.integration.emulator.app.requests import BEFORE, SENT, prepare, send

# What may be null in them: times that have not come yet, and the time to the first step of a funnel.
NULLABLE = {"warehouse-connectors", "service-accounts", "query"}


def without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value without the members of objects that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def test_every_request_is_for_an_operation() -> None:
    """No row of the table is left over."""
    assert len(OPERATIONS) == 107
    assert not (SENT.keys() | BEFORE.keys()) - OPERATIONS.keys()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_it_answers_as_published(api: Api, name: str) -> None:
    """A valid request gets the published status, and a reply of the published form; JQL is refused with 501."""
    operation = OPERATIONS[name]
    ids = await prepare(api)
    for kind in ("retrieval", "deletion"):
        if name in {f"get-{kind}", f"delete-{kind}"}:
            created = await send(api, OPERATIONS[f"create-{kind}"], ids)
            ids["tracking_id"] = created.json()["results"]["task_id"]
    for before in BEFORE.get(name, ()):
        assert (await send(api, OPERATIONS[before], ids)).status in {200, 201}, before
    answer = await send(api, operation, ids)
    if name == "query-jql":
        assert answer.status == 501
        return
    assert answer.status == operation.status, answer.text
    schema = operation.replies.get("application/json", {}).get("schema")
    if schema is not None:
        body = answer.json()
        assert problems(without_nulls(body) if operation.family in NULLABLE else body, schema) == []


@pytest.mark.parametrize("name", [name for name, one in OPERATIONS.items() if one.server == "app"])
async def test_it_needs_a_credential(api: Api, name: str) -> None:
    """Without a credential, and with the wrong kind of it, the reply is a 401 in the form of the app API."""
    operation = OPERATIONS[name]
    ids = await prepare(api)
    path = operation.path
    for key, value in {"tracking_id": "1", **ids}.items():
        path = path.replace(f"{{{key}}}", value.replace(" ", "%20"))
    for authorization in (None, "Basic dG9rZW46"):
        answer = await api.call(operation.method, path, query={"token": "token"}, authorization=authorization)
        assert answer.status == 401
        assert answer.json()["status"] == "error"
        assert answer.json()["error"]
