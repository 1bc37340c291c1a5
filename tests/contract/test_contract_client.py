"""The ingestion operations, over a real socket, against the published operations."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.config import Settings
from mixpanel_async.engine.receipts import Receipt
from tests.contract.checks import CREDENTIALS, check_authorization, check_place, check_query
from tests.contract.conftest import CHECKED
from tests.contract.operations import OPERATIONS, Operation
from tests.contract.schema import problems
from tests.contract.wire import UNLIMITED, Wire

ANONYMOUS = "11111111-2222-4333-8444-555555555555"


class ClientCall(msgspec.Struct, frozen=True):
    """How one operation is made by the client.

    Attributes:
        function: The function, as users of the client write it.
        make: Calls it.
        record: What must arrive, among other keys.
        lacks: Keys that the published body requires and that belong to another operation.
        is_schema_of_body: Whether the published body is a JSON array of records; else it is another encoding of them.
    """

    function: str
    make: Callable[[AsyncMixpanel], Awaitable[Receipt | list[Receipt]]]
    record: Mapping[str, Any]
    lacks: frozenset[str] = frozenset()
    is_schema_of_body: bool = True


USER: Mapping[str, str] = {"$token": "project-token", "$distinct_id": "u"}
GROUP: Mapping[str, str] = {"$token": "project-token", "$group_key": "company", "$group_id": "acme"}

CLIENT_OPERATIONS: Mapping[str, ClientCall] = {
    "track-event": ClientCall("track", lambda mp: mp.track("u", "e", {"a": 1}), {"event": "e"}),
    "import-events": ClientCall(
        "import_event", lambda mp: mp.import_event("u", "e", {"a": 1}, time=1_700_000_000), {"event": "e"}
    ),
    "create-identity": ClientCall(
        "identify", lambda mp: mp.identify("u", ANONYMOUS),
        {"event": "$identify",
         "properties": {"$identified_id": "u", "$anon_id": ANONYMOUS, "token": "project-token"}},
        is_schema_of_body=False,
    ),
    "identity-create-alias": ClientCall(
        "alias", lambda mp: mp.alias("u", "v"),
        {"event": "$create_alias", "properties": {"distinct_id": "u", "alias": "v", "token": "project-token"}},
        is_schema_of_body=False,
    ),
    "identity-merge": ClientCall(
        "merge", lambda mp: mp.merge("u", "v"),
        {"event": "$merge", "properties": {"$distinct_ids": ["u", "v"], "token": "project-token"}},
    ),
    "profile-set": ClientCall("people.set", lambda mp: mp.people.set("u", {"a": 1}), {**USER, "$set": {"a": 1}}),
    "profile-set-property-once": ClientCall(
        "people.set_once", lambda mp: mp.people.set_once("u", {"a": 1}), {**USER, "$set_once": {"a": 1}}
    ),
    "profile-numerical-add": ClientCall(
        "people.add", lambda mp: mp.people.add("u", {"a": 1}), {**USER, "$add": {"a": 1}}
    ),
    "user-profile-union": ClientCall(
        "people.union", lambda mp: mp.people.union("u", {"a": [1]}), {**USER, "$union": {"a": [1]}}
    ),
    "profile-append-to-list-property": ClientCall(
        "people.append", lambda mp: mp.people.append("u", {"a": 1}), {**USER, "$append": {"a": 1}}
    ),
    "profile-remove-from-list-property": ClientCall(
        "people.remove", lambda mp: mp.people.remove("u", {"a": 1}), {**USER, "$remove": {"a": 1}}
    ),
    "profile-delete-property": ClientCall(
        "people.unset", lambda mp: mp.people.unset("u", ["a"]), {**USER, "$unset": ["a"]}
    ),
    "profile-batch-update": ClientCall(
        "people.update", lambda mp: mp.people.update([{"$distinct_id": "u", "$set": {"a": 1}}]),
        {**USER, "$set": {"a": 1}}, is_schema_of_body=False,
    ),
    "delete-profile": ClientCall(
        "people.delete", lambda mp: mp.people.delete("u", ignore_alias=True), {**USER, "$ignore_alias": True}
    ),
    "group-set-property": ClientCall(
        "groups.set", lambda mp: mp.groups.set("company", "acme", {"a": 1}), {**GROUP, "$set": {"a": 1}}
    ),
    "group-set-property-once": ClientCall(
        "groups.set_once", lambda mp: mp.groups.set_once("company", "acme", {"a": 1}), {**GROUP, "$set_once": {"a": 1}}
    ),
    "group-delete-property": ClientCall(
        "groups.unset", lambda mp: mp.groups.unset("company", "acme", ["a"]), {**GROUP, "$unset": ["a"]}
    ),
    "group-remove-from-list-property": ClientCall(
        "groups.remove", lambda mp: mp.groups.remove("company", "acme", {"a": 1}), {**GROUP, "$remove": {"a": 1}}
    ),
    "group-union": ClientCall(
        "groups.union", lambda mp: mp.groups.union("company", "acme", {"a": [1]}), {**GROUP, "$union": {"a": [1]}},
        lacks=frozenset({"$unset"}),
    ),
    "group-batch-update": ClientCall(
        "groups.update",
        lambda mp: mp.groups.update([{"$group_key": "company", "$group_id": "acme", "$set": {"a": 1}}]),
        {**GROUP, "$set": {"a": 1}}, is_schema_of_body=False,
    ),
    "delete-group": ClientCall(
        "groups.delete", lambda mp: mp.groups.delete("company", "acme"), GROUP, lacks=frozenset({"$set"})
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLIENT_OPERATIONS)
async def test_client_makes_the_operation(name: str, wire: Wire) -> None:
    """A record is sent with the published path, parameters and credentials, and is delivered."""
    operation, call = OPERATIONS[name], CLIENT_OPERATIONS[name]
    is_import = operation.path == "/import"
    wire.reply = b'{"code":200,"num_records_imported":1,"status":"OK"}' if is_import else b"1"
    for kinds in operation.security:
        wire.caught.clear()
        client = AsyncMixpanel(
            "project-token",
            credentials=CREDENTIALS[kinds[0]] if kinds else CREDENTIALS["ServiceAccount"],
            project_id=1,
            base_url=wire.bases,
            settings=Settings(rates=UNLIMITED),
        )
        async with client:
            made = await call.make(client)
        receipts = made if isinstance(made, list) else [made]
        assert [(await receipt).is_delivered for receipt in receipts] == [True]
        [caught] = wire.caught
        check_place(operation, caught)
        # A project secret names its project by itself, so project_id is left out with it.
        lacks = frozenset({"project_id"}) if kinds == ["ProjectSecret"] else frozenset()
        extra = frozenset(dict(caught.query).keys() - operation.parameter_names("query"))
        assert extra <= {"ip", "strict", "verbose"}  # of the path, where the operation's own page leaves them out
        check_query(operation, caught, extra, lacks)
        check_records(operation, call, json.loads(caught.body))
        if kinds:
            check_authorization(kinds[0], caught)
        else:
            assert "authorization" not in caught.headers
        counts = CHECKED.setdefault(name, {})
        counts[call.function] = counts.get(call.function, 0) + 1


def check_records(operation: Operation, call: ClientCall, records: Sequence[Mapping[str, Any]]) -> None:
    """The one record of the body is what was asked for, and fits the published body."""
    [record] = records
    assert {key: record[key] for key in call.record} == call.record
    if call.is_schema_of_body:
        found = problems(list(records), operation.body["application/json"])
        assert not [line for line in found if not any(f"lacks {name}" in line for name in call.lacks)]
