"""Calls of the ingestion endpoints without batching: one request, and Mixpanel's own answer."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from mixpanel_async import AsyncMixpanel, ProjectToken, ServiceAccount, Settings
from mixpanel_async.errors import (
    BadRequestError,
    InvalidArgumentError,
    InvalidRecordError,
    InvalidSettingError,
    MissingCredentialsError,
    UnexpectedReplyError,
    WrongLoopError,
)
from tests.integration.actions.server import Script, Seen

TOKEN, OTHER = "the-project-token", "another-project-token"
ACCOUNT = ServiceAccount("user", "account-secret")
EVENT = {"event": "E", "properties": {"distinct_id": "u"}}
# As a page of another integration shows it.
PAGE = """[
  {
    "event": "Button Clicked",
    "properties": {
      "token": "abc123xyz456token789",
      "distinct_id": "user@example.com",
      "action": "Clicked Start Button"
    }
  }
]"""


@pytest.fixture
async def mp(script: Script) -> AsyncIterator[AsyncMixpanel]:
    """A client with nothing but a token."""
    script.answers({"error": None, "status": 1})
    async with AsyncMixpanel(TOKEN, base_url=script.url) as client:
        yield client


def records(seen: Seen) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(seen.body)  # the server has decompressed it
    return found


async def test_the_events_array_goes_in_as_it_stands(script: Script) -> None:
    """A client needs no token where the records bring theirs; lists, JSON text, one event and `data` are taken."""
    script.answers({"error": None, "status": 1})
    async with AsyncMixpanel(base_url=script.url) as mp:
        page = json.loads(PAGE)
        for given in (PAGE, page, page[0], {"data": page}, {"data": page[0]}, json.dumps({"data": page}), iter(page)):
            reply = await mp.ingest.track(given)
            assert reply.is_success
            assert (script.seen[-1].path, records(script.seen[-1])) == ("/track", page)
            assert script.seen[-1].headers["content-type"] == "application/json"
        assert "authorization" not in script.seen[-1].headers
        with pytest.raises(MissingCredentialsError, match=r"events\[1\]: it needs the project token"):
            await mp.ingest.track([*page, EVENT])


async def test_every_option_is_on_the_wire(script: Script, mp: AsyncMixpanel) -> None:
    """Switches are 1 or 0, other options are sent unchanged; without options only verbose is sent."""
    await mp.ingest.track([EVENT])
    assert script.seen[-1].query == {"verbose": "1"}
    options: dict[str, Any] = {"ip": True, "strict": False, "redirect": "https://a.b/c?d=e", "callback": "f"}
    for call in (mp.ingest.track, mp.ingest.engage, mp.ingest.groups):
        record = EVENT if call == mp.ingest.track else {"$distinct_id": "u", "$set": {"a": 1}}
        await call([record], verbose=True, **options)
        expected = {"verbose": "1", "ip": "1", "strict": "0", "redirect": "https://a.b/c?d=e", "callback": "f"}
        assert script.seen[-1].query == expected
    script.replies = [(200, b"1")]
    reply = await mp.ingest.track([EVENT], verbose=False, ip=0, gzip=True)
    assert (reply.status, reply.is_success, reply.text) == (1, True, "1")
    assert script.seen[-1].query == {"verbose": "0", "ip": "0"}
    assert script.seen[-1].headers["content-encoding"] == "gzip"
    assert records(script.seen[-1]) == [{"event": "E", "properties": {"token": TOKEN, "distinct_id": "u"}}]
    await mp.ingest.track([EVENT], credential=ProjectToken(TOKEN))
    assert script.seen[-1].headers["authorization"] == ProjectToken(TOKEN).authorization()


async def test_replies(script: Script, mp: AsyncMixpanel) -> None:
    """A redirect gives its location, an image its bytes, a callback its text, an error its words."""

    async def redirect(_: Seen) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "https://a.b/c"})

    script.handler = redirect
    reply = await mp.ingest.track([EVENT], redirect="https://a.b/c")
    assert (reply.http_status, reply.location, reply.is_success) == (302, "https://a.b/c", True)
    with pytest.raises(UnexpectedReplyError):
        await mp.ingest.track([EVENT])
    script.handler = None
    script.replies = [(200, b"GIF89a\x01")]
    reply = await mp.ingest.track([EVENT], img=True)
    assert (reply.image, reply.text, script.seen[-1].query["img"]) == (b"GIF89a\x01", "", "1")
    script.replies = [(200, b'f({"error": "no token", "status": 0})')]
    reply = await mp.ingest.track([EVENT], callback="f")
    assert (reply.is_success, reply.status, reply.error, reply.text[:2]) == (False, 0, "no token", "f(")
    script.replies = [(200, b"<html>")]
    with pytest.raises(UnexpectedReplyError, match="html"):
        await mp.ingest.track([EVENT])
    script.replies = [(400, b'{"error": "bad", "status": 0}')]
    with pytest.raises(BadRequestError, match="bad"):
        await mp.ingest.track([EVENT])


async def test_import(script: Script) -> None:
    """/import is strict, takes the account or the token, and names the events that it refused."""
    failed = {"code": 400, "num_records_imported": 1, "error": "some failed",
              "failed_records": [{"index": 1, "insert_id": "b", "field": "time", "message": "x"}]}  # fmt: skip
    good = {"event": "E", "properties": {"distinct_id": "u", "time": 1_700_000_000, "$insert_id": "a"}}
    script.replies = [(200, b'{"code": 200, "num_records_imported": 1, "status": "OK"}')]
    async with AsyncMixpanel(TOKEN, base_url=script.url) as mp:
        reply = await mp.ingest.import_([good])
        assert (reply.is_success, reply.num_records_imported) == (True, 1)
        assert script.seen[-1].query == {"strict": "1"}
        assert script.seen[-1].headers["authorization"] == ProjectToken(TOKEN).authorization()
        assert records(script.seen[-1]) == [good]
        await mp.ingest.merge("a", "b", strict=False)
        merged = {"event": "$merge", "properties": {"$distinct_ids": ["a", "b"], "token": TOKEN}}
        assert (records(script.seen[-1]), script.seen[-1].query) == ([merged], {"strict": "0"})
    async with AsyncMixpanel(TOKEN, credentials=ACCOUNT, project_id=7, base_url=script.url) as mp:
        await mp.ingest.import_([good], gzip=True, project_id=8)
        assert script.seen[-1].query == {"strict": "1", "project_id": "8"}
        assert script.seen[-1].headers["authorization"] == ACCOUNT.authorization()
        await mp.ingest.import_([good], credential=ProjectToken(TOKEN))
        assert script.seen[-1].query == {"strict": "1"}
        await mp.ingest.import_([good])
        assert script.seen[-1].query == {"strict": "1", "project_id": "7"}
        script.answers(failed)
        script.replies = [(400, script.replies[0][1])]
        reply = await mp.ingest.import_([good, good])
        assert (reply.is_success, reply.http_status, reply.num_records_imported) == (False, 400, 1)
        assert [(one.index, one.field, one.message) for one in reply.failed_records] == [(1, "time", "x")]
        assert reply.raw == failed
    async with AsyncMixpanel(credentials=ACCOUNT, base_url=script.url) as mp:
        with pytest.raises(MissingCredentialsError, match="project_id"):
            await mp.ingest.import_([good])


async def test_links(script: Script, mp: AsyncMixpanel) -> None:
    """Identify and alias are sent as forms, with `strict` as a field; the token may be the call's."""
    anonymous = "0f8fad5b-d9cb-469f-a165-70867728950e"
    await mp.ingest.identify("u", anonymous, strict=True, redirect="https://a.b/")
    seen = script.seen[-1]
    form = dict(parse_qsl(seen.body.decode()))
    properties = {"$identified_id": "u", "$anon_id": anonymous, "token": TOKEN}
    assert (json.loads(form["data"]), form["strict"]) == ({"event": "$identify", "properties": properties}, "1")
    assert seen.query == {"verbose": "1", "redirect": "https://a.b/"}
    await mp.ingest.alias(7, "v", token=OTHER)
    form = dict(parse_qsl(script.seen[-1].body.decode()))
    linked = {"event": "$create_alias", "properties": {"distinct_id": "7", "alias": "v", "token": OTHER}}
    assert {name: json.loads(value) for name, value in form.items()} == {"data": linked}
    for wrong in (mp.ingest.identify("u", "no-uuid"), mp.ingest.alias("", "v")):
        with pytest.raises(InvalidRecordError):
            await wrong
    with pytest.raises(InvalidArgumentError, match="merged with itself"):
        await mp.ingest.merge("u", "u")
    with pytest.raises(InvalidArgumentError, match="gzip is invalid"):
        await mp.ingest.identify("u", anonymous, gzip=True)


async def test_foreign_tokens(script: Script, mp: AsyncMixpanel, caplog: pytest.LogCaptureFixture) -> None:
    """The one rule for a record's own token holds here: replaced and reported, rejected, or kept."""
    caplog.set_level(logging.WARNING)
    foreign = {"event": "E", "properties": {"token": OTHER, "distinct_id": "u"}}
    update = {"$token": OTHER, "$distinct_id": "u", "$set": {}}
    reply = await mp.ingest.track([EVENT, foreign])
    assert reply.replaced_tokens == 1
    assert [one["properties"]["token"] for one in records(script.seen[-1])] == [TOKEN, TOKEN]
    assert (await mp.ingest.engage(update)).replaced_tokens == 1
    assert mp.stats.replaced_tokens == 2
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["/track", "/engage"]
    with pytest.raises(InvalidRecordError, match=r"events\[1\].properties.token: is not the token"):
        await mp.ingest.track([EVENT, foreign], foreign_token="reject")
    reply = await mp.ingest.track([foreign], foreign_token="keep")
    assert (records(script.seen[-1]), reply.replaced_tokens) == ([foreign], 0)
    await mp.ingest.engage(update, foreign_token="keep")
    assert records(script.seen[-1]) == [update]
    await mp.ingest.track([foreign], token=OTHER)
    assert records(script.seen[-1]) == [foreign]
    reply = await mp.ingest.import_([foreign])
    assert (reply.replaced_tokens, records(script.seen[-1])[0]["properties"]["token"]) == (1, TOKEN)
    with pytest.raises(InvalidArgumentError, match="foreign_token"):
        await mp.ingest.import_([foreign], foreign_token="keep")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "events is invalid: it has 0 entries"),
        ([EVENT] * 2001, "events is invalid: it has 2,001 entries"),
        ("[{", "events is invalid: the text is not JSON"),
        (7, "events is invalid: it is a int"),
        ('"text"', "events is invalid: it is a str"),
        ([EVENT, "E"], r"events\[1\]: must be an object, not str"),
        ([{"event": "", "properties": {}}], r"events\[0\].event: must be the name"),
        ([{"event": "E"}], r"events\[0\].properties: must be an object"),
        ([{**EVENT, "time": 1}], r"events\[0\].time: unknown field"),
        ([{"event": "E", "properties": {"a": float("nan")}}], r"events\[0\].properties.a: nan"),
        ([{"event": "E", "properties": {"a": "x" * 2_000_000}}], "2,000,000 are allowed"),
    ],
)
async def test_what_cannot_be_sent(script: Script, mp: AsyncMixpanel, given: object, message: str) -> None:
    """Records that Mixpanel could not read are refused with their position, and nothing is sent."""
    with pytest.raises((InvalidArgumentError, InvalidRecordError), match=message):
        await mp.ingest.track(given)  # type: ignore[arg-type]
    for options in (
        {"verbos": True},
        {"ip": "yes"},
        {"ip": 2},
        {"redirect": ""},
        {"callback": 7},
        {"foreign_token": "x"},
    ):
        with pytest.raises(InvalidArgumentError, match=next(iter(options))):
            await mp.ingest.track([EVENT], **options)
    assert script.seen == []


async def test_records_are_not_changed(mp: AsyncMixpanel) -> None:
    """The caller's objects stay as they were; two thousand events are one request."""
    event: dict[str, Any] = {"event": "E", "properties": {"distinct_id": "u", "token": OTHER}}
    before = json.dumps(event)
    await mp.ingest.track([event] * 2000)
    assert json.dumps(event) == before
    assert mp.stats.requests == 1


async def test_keep_is_the_clients_setting(script: Script) -> None:
    """Without an option of the call the client's setting counts, also for /import."""
    script.answers({"error": None, "status": 1})
    foreign = {"event": "E", "properties": {"token": OTHER}}
    async with AsyncMixpanel(TOKEN, base_url=script.url, settings=Settings(foreign_token="keep")) as mp:
        await mp.ingest.track(foreign)
        assert records(script.seen[-1]) == [foreign]
        with pytest.raises(InvalidRecordError, match="/import delivers"):
            await mp.ingest.import_(foreign)


@pytest.mark.parametrize(
    ("name", "bad"),
    [("token", 5), ("token", ""), ("timeout_seconds", 0), ("timeout_seconds", -1), ("timeout_seconds", "5")],
)
async def test_values_are_checked_before_anything_is_sent(
    mp: AsyncMixpanel, script: Script, name: str, bad: object
) -> None:
    """An empty token is not the client's, and a timeout is a time."""
    for call in (mp.ingest.track, mp.ingest.engage, mp.ingest.groups, mp.ingest.import_):
        with pytest.raises(InvalidArgumentError, match=f"{name} is invalid"):
            await call([EVENT], **{name: bad})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=f"{name} is invalid"):
        await mp.ingest.alias("a", "b", **{name: bad})  # type: ignore[arg-type]
    assert not script.seen


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"null", b"{}"])
async def test_what_is_no_image_is_no_image(mp: AsyncMixpanel, script: Script, body: bytes) -> None:
    """A page of a proxy is not the image that was asked for, and an empty reply is none."""
    script.replies = [(200, body)]
    with pytest.raises(UnexpectedReplyError):
        await mp.ingest.track([EVENT], img=True)


async def test_batched_updates_are_a_list(mp: AsyncMixpanel, script: Script) -> None:
    """One update, text or nothing in place of the list is refused once, not as a record for each key or letter."""
    update = {"$distinct_id": "u", "$set": {"a": 1}}
    for wrong in (update, json.dumps([update]), b"[]", None):
        for updates in (mp.people, mp.groups):
            with pytest.raises(InvalidArgumentError, match=r"updates is invalid: .*; give a list of updates"):
                await updates.update(wrong)  # type: ignore[arg-type]
    assert mp.stats.admitted == 0
    assert not script.seen


async def test_no_frame_of_an_error_shows_the_token(mp: AsyncMixpanel, script: Script) -> None:
    """Traceback tools that print local variables print neither the token in the body nor an echo of it."""
    script.replies = [(400, json.dumps({"status": 0, "error": f"bad {TOKEN}"}).encode())]
    with pytest.raises(BadRequestError) as caught:
        await mp.ingest.track([EVENT])
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "EncodedBody(" in shown
    library = [line for line in shown.splitlines() if "TOKEN" not in line]  # this test's own source lines
    assert TOKEN not in "\n".join(line for line in library if "script = " not in line)


def test_imports_know_their_loop() -> None:
    """In another event loop an import, a replay and an import of profiles raise at once; no record is at fault."""
    mp = AsyncMixpanel(TOKEN, base_url="http://127.0.0.1:9")

    async def enter() -> None:
        await mp.__aenter__()  # the loop that uses it first owns it

    async def run(job: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(WrongLoopError):
            await job()

    with asyncio.Runner() as own:
        own.run(enter())
        for job in (
            lambda: mp.import_events([{}]), lambda: mp.import_events([EVENT]), lambda: mp.import_profiles([{}]),
            lambda: mp.import_groups([{}]),
        ):  # fmt: skip
            with asyncio.Runner() as another:
                another.run(run(job))
        own.run(mp.aclose())


@pytest.mark.parametrize("bad", ["http://a b", "http://a\r\n@b"])
def test_addresses_have_no_spaces_and_control_characters(bad: str) -> None:
    """They are refused when the client or its settings are made, not at the first request."""
    with pytest.raises(InvalidSettingError, match="base_url is invalid"):
        AsyncMixpanel(TOKEN, base_url=bad)
    if "\n" in bad:
        with pytest.raises(InvalidSettingError, match=r"proxy (is invalid|must look like)"):
            Settings(proxy=bad)
