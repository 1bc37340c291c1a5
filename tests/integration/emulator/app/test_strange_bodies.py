"""No body makes the server fail: it is stored and read back, or refused with a 400."""

from typing import Final

import pytest

from tests.contract.operations import OPERATIONS
from tests.integration.emulator.api import Api
from tests.integration.emulator.app.requests import Sent, prepare, send

TEXTS: Final = [
    b"", b"null", b"[]", b"[1]", b'"text"', b"1", b"{", b"{}", b'{"a": }', b"\xff\xfe", b"{" * 10_000,
    b'{"a":' * 10_000, b'{"name": "\\ud800"}', b'{"name": "\\u0000"}', b'{"name": 1e999}',
]  # fmt: skip
NAMES: Final = [
    name
    for name, one in OPERATIONS.items()
    if one.server == "app" and one.method in {"POST", "PATCH", "PUT"} and not name.startswith("run-an")
]
VALUES: Final = [10**30, -(10**400), "\0", "a\0b", "é\U0001f600", [[[]]], {"": {"\0": 1}}, 1e308, None, True]


@pytest.mark.parametrize("name", NAMES)
async def test_any_text(api: Api, name: str) -> None:
    """Anything but an object of the right form gets a 400, and says so in the form of the app API."""
    ids = {**await prepare(api), "tracking_id": "1"}
    operation = OPERATIONS[name]
    path = operation.path
    for key, value in ids.items():
        path = path.replace(f"{{{key}}}", value.replace(" ", "%20"))
    authorization = "Bearer x" if operation.security == [["OAuthToken"]] else "Basic YWNjb3VudDpzZWNyZXQ="
    for text in TEXTS:
        answer = await api.call(operation.method, path, query={"token": "t"}, body=text, authorization=authorization)
        assert answer.status < 500, text[:100]
        if answer.status >= 400:
            assert answer.json()["status"] == "error"


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:12])
async def test_any_value(api: Api, value: object) -> None:
    """A field that takes any value keeps it, or it is refused."""
    ids = await prepare(api)
    for name, body in (
        ("update-experiment", {"settings": {"a": value}}),
        ("create-experiment", {"name": "n", "variants": [value], "metrics": [{"\0": value}]}),
        ("update-warehouse-import", {"paused": False, "run_every": 0, "databricks_params": {"a": value}}),
        ("upload-schemas-for-project", {"entries": [{"entityType": "event", "name": str(value), "schemaJson": {}}]}),
        ("create-annotation-tag", {"name": str(value) or "x"}),
    ):
        answer = await send(api, OPERATIONS[name], ids, Sent(json=body))
        assert answer.status in {200, 201, 400}, (name, answer.text)
        if name == "update-experiment" and answer.status == 200:
            assert answer.json()["results"]["settings"] == {"a": 1e30 if value == 10**30 else value}


async def test_any_name_of_a_schema(api: Api) -> None:
    """Names of schemas come from the path and may have any characters."""
    for name in ("%00", "%F0%9F%98%80", "a%2Fb", "%25", "x" * 3000):
        path = f"/api/app/projects/1/schemas/event/{name}"
        assert (await api.call("POST", path, body=b'{"description": "d"}')).status == 200, name
        assert (await api.call("GET", path)).json() == {"description": "d"}
        assert (await api.call("DELETE", path)).json()["results"] == {"delete_count": 1}
