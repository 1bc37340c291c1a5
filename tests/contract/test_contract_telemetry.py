"""Spans and metrics of every operation, with OpenTelemetry's SDK."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from mixpanel_async import AsyncMixpanel, Settings
from tests.contract.calls import CALLS, Call
from tests.contract.checks import CREDENTIALS, HEADERS
from tests.contract.operations import OPERATIONS
from tests.contract.test_contract_actions import body_of, named, replies_of
from tests.contract.test_contract_client import CLIENT_OPERATIONS
from tests.contract.wire import UNLIMITED, Wire
from tests.integration.telemetry.sdk import Sdk

SECRETS = ["project-token", *(header.split()[1] for header in HEADERS.values())]
SECRETS += [secret for credential in CREDENTIALS.values() for secret in credential.secrets()]


def client(wire: Wire, sdk: Sdk, kind: str) -> AsyncMixpanel:
    return AsyncMixpanel(
        "project-token",
        credentials=CREDENTIALS[kind],
        project_id=1,
        workspace_id=2,
        base_url=wire.bases,
        settings=Settings(rates=UNLIMITED, max_call_retries=0, telemetry=sdk.telemetry()),
    )


def check(sdk: Sdk, name: str) -> None:
    """One span, with the operation's place and nothing secret; and nothing secret in the metrics."""
    operation = OPERATIONS[name]
    [span] = sdk.spans()
    shown = [span.name, *map(str, dict(span.attributes or {}).values()), *(text for text in sdk.attributes())]
    assert not [text for text in shown if any(secret in text for secret in SECRETS) or "?" in text]
    assert not span.events
    check_place(span, operation.method, operation.server, operation.path)


def check_place(span: ReadableSpan, method: str, server: str, path: str) -> None:
    attributes = dict(span.attributes or {})
    assert attributes["http.request.method"] == method
    url = str(attributes["url.full"])
    assert len(url.split("/")) == len(f"http://127.0.0.1:1/{server}{path}".split("/"))
    assert url.startswith(f"http://{attributes['server.address']}:{attributes['server.port']}/{server}/")
    has_ids = "{" in path
    assert attributes.get("url.template", path) == path
    assert span.name == (method if "url.template" not in attributes else f"{method} {path}")
    if has_ids:
        assert "url.template" not in attributes


@pytest.mark.parametrize("call", CALLS, ids=named)
async def test_the_span_of_a_call(call: Call, wire: Wire) -> None:
    """A call is one span that shows no secret and no query, whatever its credential is."""
    operation = OPERATIONS[call.operation]
    wire.status = operation.status
    wire.reply = body_of(call, next(iter(replies_of(operation))))
    for kinds in operation.security:
        sdk = Sdk()
        async with client(wire, sdk, kinds[0]) as mp:
            await call.make(mp)
        check(sdk, call.operation)


@pytest.mark.parametrize("name", CLIENT_OPERATIONS)
async def test_the_span_of_a_record(name: str, wire: Wire) -> None:
    """The batch of a record is one span that shows no secret."""
    operation = OPERATIONS[name]
    wire.reply = b'{"code":200,"num_records_imported":1,"status":"OK"}' if operation.path == "/import" else b"1"
    sdk = Sdk()
    async with client(wire, sdk, "ServiceAccount") as mp:
        await CLIENT_OPERATIONS[name].make(mp)
    check(sdk, name)
    [span] = sdk.spans()
    assert span.name == f"{operation.method} {operation.path}"
