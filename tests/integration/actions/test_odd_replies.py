"""Each call and each reply that is not its answer, over a real socket: no answer is empty by accident."""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec
import pytest

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.errors import ApiError, BadRequestError, MixpanelError, TruncatedReplyError
from tests.contract.calls import CALLS, CSV_TABLE, Call
from tests.contract.checks import CREDENTIALS
from tests.contract.operations import OPERATIONS
from tests.contract.wire import Wire
from tests.integration.actions.conftest import NoteReply
from tests.integration.attack.server import Received, scripted

HTML: Final = b"<!doctype html><html><title>Log in</title>"
SAID: Final = "the project is suspended"


class Odd(msgspec.Struct, frozen=True):
    """A reply that is the answer of no call, or of some.

    Attributes:
        name: Its name in the matrix.
        body: Body.
        status: HTTP status.
        says: What the error must say; of several texts one.
        answers: Groups of calls to which it is an answer.
    """

    name: str
    body: bytes
    status: int = 200
    says: Collection[str] = ()
    answers: Collection[str] = ()


ODD: Final = (
    Odd("error, a text", b'{"error": "the project is suspended"}', says=[SAID]),
    Odd("error, an object", b'{"error": {"code": 7, "message": "the project is suspended"}}', says=[SAID]),
    Odd("error and status", b'{"status": "error", "error": "the project is suspended"}', says=[SAID]),
    Odd("status 0", b'{"status": 0, "error": "the project is suspended"}', says=[SAID]),
    Odd("status fail", b'{"status": "Fail", "message": "the project is suspended"}', says=[SAID]),
    Odd("only a status", b'{"status": "error"}', says=["the reply says only: status 'error'"]),
    Odd("error beside results", b'{"results": null, "error": "the project is suspended"}', says=[SAID]),
    Odd("error with 202", b'{"error": "the project is suspended"}', 202, says=[SAID]),
    Odd("{}", b"{}", says=["an object without", "an empty object", "JSON, not CSV", "Expected `array`"]),
    Odd("null", b"null", says=["the reply is null"]),
    Odd("empty", b"", says=["the reply is empty"], answers=["change of a pipeline", "table deletion", "export"]),
    Odd("blank", b" \r\n ", says=["the reply is empty"], answers=["change of a pipeline", "table deletion"]),
    Odd("HTML", HTML, says=["the reply is HTML, perhaps of a login page or a proxy; it begins '<!doctype html>"]),
    Odd("text", b"Service paused", says=["is not JSON", "a word, not CSV", "does not say that the request was"]),
    Odd("cut JSON", b'{"data": {"values": {', says=["is not JSON", "JSON, not CSV", "Expected"]),
    Odd("a number", b"7", says=["Expected `", "does not say that", "a word, not CSV"], answers=["generic"]),
    Odd("pending", b'{"status": "pending"}', says=["an object without", "not CSV", "Expected", "does not say"],
        answers=["generic"]),
    Odd("ok without data", b'{"status": "ok"}', says=["an object without", "not CSV", "Expected"],
        answers=["acknowledgement", "generic"]),
    Odd("null results", b'{"status": "ok", "results": null}',
        says=["an object without", "is null", "not CSV", "Expected"],
        answers=["acknowledgement", "generic"]),
    Odd("[]", b"[]", says=["Expected `object`", "not CSV", "does not say", "empty object or array"], answers=["list"]),
    Odd("a list of errors", b'[{"error": "x"}]', says=["Expected", "not CSV", "does not say", "without `"],
        answers=["rows", "generic"]),
    Odd("202", b'{"status": "ok"}', 202, says=["status 202"]),
    Odd("204", b"", 204, says=["status 204"], answers=["deletion without a body", "table deletion"]),
    Odd("206", b'{"status": "ok"}', 206, says=["status 206"]),
    Odd("a cut table", CSV_TABLE + b"b", says=["line 3 of the reply has 1 cells", "is not JSON", "does not say"]),
)  # fmt: skip

# What an odd reply is an answer to, by function.
_PIPELINE: Final = ("edit", "cancel", "delete", "pause", "resume")
GROUPS: Final[Mapping[str, Collection[str]]] = {
    "change of a pipeline": [*(f"pipelines.{name}" for name in _PIPELINE), "pipelines.edit_generic"],
    "table deletion": ["lookup_tables.delete"],
    "deletion without a body": ["gdpr.cancel_deletion"],
    "export": ["export.blocks"],
    "rows": ["query.jql"],
    "generic": ["pipelines.create_generic", "pipelines.edit_generic"],
    "list": [
        "annotations.list_tags", "query.cohorts", "query.jql", "query.list_funnels", "query.top_events",
        "query.top_property_values",
    ],
    "acknowledgement": [
        *(f"pipelines.{name}" for name in _PIPELINE), "lookup_tables.delete", "lookup_tables.replace",
        "gdpr.cancel_deletion", "experiments.archive", "experiments.delete", "feature_flags.delete",
        "schemas.upload_one", "service_accounts.add_to_projects", "service_accounts.delete",
        "service_accounts.remove_from_projects", "warehouse.delete",
    ],
}  # fmt: skip
# The raw export is lines of JSON, which `export.blocks` passes on unread; only its framing and status are checked.
UNREAD: Final = "export.blocks"


def is_answer(call: Call, odd: Odd) -> bool:
    """Return whether a reply is an answer to a call."""
    return call.reply != CSV_TABLE and any(call.function in GROUPS[group] for group in odd.answers)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.operation}-{call.function}")
async def test_a_reply_that_is_no_answer_raises(call: Call, wire: Wire, note_reply: NoteReply) -> None:
    """No call takes an error, another status, nothing, HTML or text for its answer; the error says what came."""
    wrong: list[str] = []
    async with wire.client(CREDENTIALS[OPERATIONS[call.operation].security[0][0]]) as mp:
        for odd in ODD:
            if call.function == UNREAD and odd.status == 200:
                continue
            wire.status, wire.reply = odd.status, odd.body
            try:
                await call.make(mp)
                seen = "answer"
            except MixpanelError as error:
                seen = _name_of(error, odd)
            expected = "answer" if is_answer(call, odd) else _expected(call, odd)
            note_reply(call.function, odd.name, expected, seen)
            if seen != expected:
                wrong.append(f"{odd.name}: {expected} expected, {seen} seen")
    assert not wrong


def _expected(call: Call, odd: Odd) -> str:
    is_error = SAID in odd.says or odd.name == "only a status"
    return "BadRequestError" if is_error and call.function != UNREAD else "UnexpectedReplyError"


def _name_of(error: MixpanelError, odd: Odd) -> str:
    """Return the kind of an error; with its text if it does not say what came."""
    kind = type(error).__name__
    if not isinstance(error, ApiError) or error.status != odd.status:
        return f"{kind}: {error}"
    is_said = any(text in str(error) for text in odd.says) or f"status {odd.status}," in str(error)
    return kind if is_said else f"{kind}: {error}"


async def test_an_error_is_not_a_property(wire: Wire) -> None:
    """Properties named error and status are data of top_properties; an error there is still an error."""
    async with wire.client(CREDENTIALS["ServiceAccount"]) as mp:
        wire.reply = b'{"error": {"count": 5}, "status": {"count": 3}}'
        assert (await mp.query.top_properties("a")).counts == {"error": 5, "status": 3}
        wire.reply = b'{"error": "no such event", "status": 0}'
        with pytest.raises(BadRequestError, match="no such event"):
            await mp.query.top_properties("a")


async def test_an_empty_report_is_an_answer(wire: Wire) -> None:
    """A report without series is an answer: it has its data, and there is none."""
    async with wire.client(CREDENTIALS["ServiceAccount"]) as mp:
        wire.reply = b'{"data": {"series": [], "values": {}}, "legend_size": 0}'
        assert (await mp.query.segmentation("a", "2026-08-01", "2026-08-02")).rows() == []
        wire.reply = b'{"series": {}}'
        assert (await mp.query.insights(5)).rows() == []
        wire.reply = b'{"meta": {"dates": []}, "data": {}}'
        assert (await mp.query.funnels(5, "2026-08-01", "2026-08-02")).rows() == []


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, b'{"error": "the script failed: x is undefined"}', "the script failed: x is undefined"),
        (200, b'{"status": "error", "error": {"message": "too many rows"}}', "too many rows"),
        (200, b"{}", "Expected `array`"),
        (200, b"", "the reply is empty"),
        (200, b"null", "the reply is null"),
        (200, HTML, "the reply is HTML"),
        (200, b"paused", "the reply is not JSON"),
        (202, b"[]", "status 202"),
        (206, b"[1]", "status 206"),
    ],
)
async def test_a_stream_of_rows_says_what_the_server_said(status: int, body: bytes, says: str, wire: Wire) -> None:
    """A JQL stream raises the server's text, and no stream ends early without an error."""
    wire.status, wire.reply = status, body
    async with wire.client(CREDENTIALS["ServiceAccount"]) as mp:
        with pytest.raises(ApiError) as caught:
            await anext(mp.query.jql_stream("function main() {}"))
    assert says in str(caught.value)
    assert caught.value.status == status


async def test_a_table_whose_end_is_unknown_is_refused() -> None:
    """CSV that was cut after a row looks whole; without a length or chunks, nothing tells that it is."""

    async def script(received: Received) -> None:
        received.writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + CSV_TABLE)
        await received.writer.drain()

    async with scripted(script) as server:
        settings = Settings(max_call_retries=0)
        client = AsyncMixpanel(credentials=CREDENTIALS["ServiceAccount"], project_id=1, base_url=server.url,
                               settings=settings)  # fmt: skip
        async with client as mp:
            with pytest.raises(TruncatedReplyError, match="its end is unknown"):
                await mp.query.segmentation("a", "2026-08-01", "2026-08-02", format="csv")
