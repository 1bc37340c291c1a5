"""Every operation except ingestion, over a real socket, against the published operations."""

import json
from collections.abc import Iterable

import pytest

from mixpanel_async.actions import ApiList, ApiObject
from mixpanel_async.json_types import JSONValue
from tests.contract.calls import CALLS, Call
from tests.contract.checks import (
    CREDENTIALS,
    check_authorization,
    check_body,
    check_headers,
    check_place,
    check_query,
)
from tests.contract.conftest import CHECKED
from tests.contract.operations import OPERATIONS, Operation
from tests.contract.schema import make_up, property_names
from tests.contract.test_contract_client import CLIENT_OPERATIONS
from tests.contract.wire import Wire
from tests.docs.public import methods


def replies_of(operation: Operation) -> Iterable[JSONValue]:
    """Published example replies, or one that fits the published schema; None where no reply is described."""
    for reply in operation.replies.values():
        if "examples" in reply:
            return reply["examples"]  # type: ignore[no-any-return]
        if "schema" in reply:
            return [make_up(reply["schema"])]
    return [None]


def body_of(call: Call, example: JSONValue) -> bytes:
    if call.reply is not None:
        return call.reply
    return b"" if example is None else json.dumps(example).encode() + b"\n"


def named(call: Call) -> str:
    return f"{call.operation}-{call.function}"


@pytest.mark.parametrize("call", CALLS, ids=named)
async def test_call_makes_its_operation(call: Call, wire: Wire) -> None:
    """A call sends the published path, parameters, body and credentials, and reads the published reply."""
    operation = OPERATIONS[call.operation]
    wire.status = operation.status
    for kinds in operation.security:
        for example in replies_of(operation):
            wire.caught.clear()
            wire.reply = body_of(call, example)
            async with wire.client(CREDENTIALS[kinds[0]]) as mp:
                answer = await call.make(mp)
            [caught] = wire.caught
            check_place(operation, caught)
            check_query(operation, caught, call.extra, call.lacks)
            check_headers(operation, caught)
            check_body(operation, caught, call.lacks)
            check_authorization(kinds[0], caught)
            if call.reply is None:
                expect_answer(answer, example)
            counts = CHECKED.setdefault(call.operation, {})
            counts[call.function] = counts.get(call.function, 0) + 1


def expect_answer(answer: object, example: JSONValue) -> None:
    """No part of the reply is lost: its JSON, or the part inside its envelope, is in `raw`."""
    inner = example.get("results") if isinstance(example, dict) else None
    if isinstance(answer, ApiObject | ApiList):
        assert answer.raw in (example, inner)
    else:
        assert answer == example


@pytest.mark.parametrize("name", sorted({call.operation for call in CALLS}))
async def test_calls_of_an_operation_cover_every_option(name: str, wire: Wire) -> None:
    """All calls of an operation together send every parameter and every property of the body that it has."""
    operation = OPERATIONS[name]
    wire.status = operation.status
    example = next(iter(replies_of(operation)))
    sent: set[str] = set()
    for call in (one for one in CALLS if one.operation == name):
        wire.reply = body_of(call, example)
        async with wire.client(CREDENTIALS[operation.security[0][0]]) as mp:
            await call.make(mp)
        caught = wire.caught[-1]
        sent |= check_query(operation, caught, call.extra, call.lacks)
        sent |= check_headers(operation, caught) | check_body(operation, caught, call.lacks)
    wanted = operation.parameter_names("query") | operation.parameter_names("header")
    for schema in operation.body.values():
        wanted |= property_names(schema)
    assert wanted <= sent


def test_every_operation_has_a_function_and_every_function_an_operation() -> None:
    """The table has 105 published operations and two that are not published; each is called, and nothing else is."""
    called = {call.operation for call in CALLS}
    assert len(OPERATIONS) == 107
    assert called | set(CLIENT_OPERATIONS) == set(OPERATIONS)
    assert not called & set(CLIENT_OPERATIONS)


def test_every_public_call_is_made() -> None:
    """No group of the client has a public method that the tables do not call, but for those named with their reason."""
    elsewhere = {
        "query.profiles",  # pages of profiles_page; tested by its own behaviour
        "query.jql_stream",  # the request of jql; tested by its own behaviour
        # One request each; driven by the table of docs/actions.md.
        "ingest.track", "ingest.import_", "ingest.engage", "ingest.groups", "ingest.identify", "ingest.alias",
        "ingest.merge",
        # Written from blocks(); tested by their own behaviour.
        "export.events", "export.raw", "export.event_blocks", "export.to_file",
        "export.profiles", "export.profile_blocks", "export.profiles_to_file",
        "export.groups", "export.group_blocks", "export.groups_to_file", "export.sync",
        "flags.local", "flags.remote", "flags.aclose",  # they return evaluators, and end them
    }  # fmt: skip
    called = {call.function for call in CALLS} | {call.function for call in CLIENT_OPERATIONS.values()}
    public = {one.name.removeprefix("mp.") for one in methods() if one.name.count(".") == 2}
    assert public - elsewhere <= called
    assert elsewhere <= public
