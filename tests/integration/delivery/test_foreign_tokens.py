"""A record that carries a project token of its own: one rule, in every way in, and never silent."""

import gzip
import json
import logging
import pathlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TypeAlias, cast

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, Outcome, RecordMapping, Settings, Verdict
from mixpanel_async.config import ForeignToken
from mixpanel_async.errors import InvalidArgumentError, InvalidSettingError
from mixpanel_async.jobs.sources.open import EventSource
from mixpanel_async.json_types import JSONValue
from mixpanel_async.records.tokens import without_tokens
from tests.integration.attack.server import ScriptedServer, healthy, scripted
from tests.records import event, ndjson

OWN, OTHER = "our-project-token", "their-project-token"
Ways: TypeAlias = tuple[str, str]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted(healthy) as running:
        yield running


def client(server: ScriptedServer, policy: ForeignToken = "replace", **settings: object) -> AsyncMixpanel:
    chosen = Settings(linger_seconds=0.01, foreign_token=policy, **settings)  # type: ignore[arg-type]
    return AsyncMixpanel(OWN, base_url=server.url, settings=chosen)


def tokens(server: ScriptedServer) -> list[object]:
    """Return the tokens on the wire, in order."""
    records = [record for request in server.requests for record in request.records]
    own = [cast("Mapping[str, object]", record.get("properties", record)) for record in records]
    return [one.get("token", one.get("$token")) for one in own]


async def live(mp: AsyncMixpanel, way: str, token: JSONValue) -> Verdict:
    """Send one record with a token of its own."""
    match way:
        case "track":
            receipt = await mp.track("u", "E", {"token": token, "big": 12345678901234567})
        case "import_event":
            receipt = await mp.import_event("u", "E", {"token": token}, time=1_700_000_000)
        case "people":
            (receipt,) = await mp.people.update([{"$token": token, "$distinct_id": "u", "$set": {"a": 1}}])
        case _:
            update = {"$group_key": "company", "$group_id": "a", "$set": {"a": 1}, "$token": token}
            (receipt,) = await mp.groups.update([update])
    return await receipt


WAYS = ["track", "import_event", "people", "groups"]


@pytest.mark.parametrize("way", WAYS)
async def test_replaced(server: ScriptedServer, way: str, caplog: pytest.LogCaptureFixture) -> None:
    """By default a foreign token is replaced; the verdict, the counter and one WARNING say so."""
    caplog.set_level(logging.WARNING)
    async with client(server) as mp:
        for _ in range(3):
            verdict = await live(mp, way, OTHER)
        assert verdict.is_delivered
        assert "token" in verdict.field
        assert "replaced" in verdict.message
        assert mp.stats.replaced_tokens == 3
    assert tokens(server) == [OWN] * 3
    warnings = [record.getMessage() for record in caplog.records]
    assert sum(int(text.split()[1]) for text in warnings) == 3
    assert OTHER not in caplog.text
    assert OWN not in caplog.text


@pytest.mark.parametrize("way", WAYS)
async def test_own_token_is_no_news(server: ScriptedServer, way: str, caplog: pytest.LogCaptureFixture) -> None:
    """The client's own token, None and an empty one are sent without a word."""
    async with client(server, "reject") as mp:
        for token in (OWN, None, ""):
            verdict = await live(mp, way, token)
            assert verdict.is_delivered, verdict
            assert not verdict.field
        assert mp.stats.replaced_tokens == 0
    assert set(tokens(server)) <= {OWN, None}
    assert not caplog.records


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("token", [OTHER, 7, ["a"], {"a": 1}])
async def test_rejected(server: ScriptedServer, way: str, token: JSONValue) -> None:
    """On request a record with a foreign token is REJECTED, and the field is named."""
    async with client(server, "reject") as mp:
        verdict = await live(mp, way, token)
        assert verdict.outcome is Outcome.REJECTED
        assert verdict.field in {"properties.token", "$token"}
        assert "foreign_token" in verdict.message
    assert tokens(server) == []


@pytest.mark.parametrize("way", WAYS)
async def test_kept(server: ScriptedServer, way: str) -> None:
    """On request a token is kept where the endpoint delivers by it; /import does not, and says so."""
    async with client(server, "keep") as mp:
        verdict = await live(mp, way, OTHER)
        if way == "import_event":
            assert verdict.outcome is Outcome.REJECTED
            assert "/import" in verdict.message
            return
        assert verdict.outcome is Outcome.UNVERIFIED
        assert mp.stats.replaced_tokens == 0
        for bad in (7, "***"):
            assert (await live(mp, way, bad)).outcome is Outcome.REJECTED
    assert tokens(server) == [OTHER]


async def test_keep_and_import_contradict_each_other(server: ScriptedServer) -> None:
    """Where every event goes to /import, tokens cannot be kept: an error before anything is sent."""
    with pytest.raises(InvalidSettingError, match="foreign_token"):
        Settings(track_via="import", foreign_token="keep")
    async with client(server) as mp:
        for call in (mp.import_events([event(1)], foreign_token="keep"),):
            with pytest.raises(InvalidArgumentError, match="foreign_token"):
                await call
        with pytest.raises(InvalidArgumentError, match="foreign_token"):
            await mp.import_events([event(1)], foreign_token="drop")  # type: ignore[arg-type]


async def test_track_via_import(server: ScriptedServer) -> None:
    """The rule holds where track() goes to /import, too."""
    async with client(server, track_via="import") as mp:
        verdict = await live(mp, "track", OTHER)
        assert verdict.outcome is Outcome.ACCEPTED
        assert verdict.field == "properties.token"
    assert tokens(server) == [OWN]


def sources(folder: pathlib.Path) -> Iterator[tuple[str, EventSource, RecordMapping | None]]:
    """Yield two events, the second with a foreign token, in every form of a source."""
    events = [event(1), event(2, token=OTHER, big=12345678901234567890, ratio=1.5)]
    lines = folder / "a.ndjson"
    lines.write_bytes(ndjson(events).replace(b"1.5", b"1.500"))  # as no encoder of ours writes it
    escaped = folder / "escaped.ndjson"
    escaped.write_bytes(ndjson(events).replace(b'"token"', b'"\\u0074ok\\u0065n"'))
    array = folder / "a.json"
    array.write_bytes(orjson.dumps(events))
    packed = folder / "a.ndjson.gz"
    packed.write_bytes(gzip.compress(ndjson(events)))
    table = folder / "a.csv"
    table.write_text(f"event,time,distinct_id,$insert_id,token\nE,1700000000,u,i1,\nE,1700000001,u,i2,{OTHER}\n")
    flat = [{"event": "E", "time": 1_700_000_000 + n, "distinct_id": "u", "$insert_id": f"i{n}"} for n in range(2)]
    flat[1]["token"] = OTHER
    for path in (lines, escaped, array, packed, table):
        yield path.name, path, None
    yield "mappings", events, None
    yield "flat", flat, RecordMapping()
    yield "lines in memory", [orjson.dumps(each) for each in events], None


async def test_imports_replace(server: ScriptedServer, tmp_path: pathlib.Path) -> None:
    """Every kind of import replaces the token, counts it in the report, and changes no other value."""
    for name, source, mapping in sources(tmp_path):
        server.requests.clear()
        async with client(server) as mp:
            report = await mp.import_events(source, mapping=mapping)
            assert (report.imported, report.changed_by) == (2, {"foreign_token": 1}), (name, report)
            assert mp.stats.replaced_tokens == 1
        assert tokens(server) == [None, OWN], name
        bodies = b"".join(gzip.decompress(request.body) for request in server.requests)
        assert OTHER.encode() not in bodies, name
        assert b"12345678901234567890" in bodies or name in {"a.csv", "flat"}
        assert b"1.500" in bodies or name != "a.ndjson"


async def test_imports_reject(server: ScriptedServer, tmp_path: pathlib.Path) -> None:
    """Every kind of import can reject instead, and no dead letter holds a token."""
    for name, source, mapping in sources(tmp_path):
        server.requests.clear()
        letters = tmp_path / f"{name}.dead"
        async with client(server) as mp:
            report = await mp.import_events(
                source,
                mapping=mapping,
                foreign_token="reject",
                dead_letters=letters,
            )
            assert (report.imported, report.rejected, report.changed_by) == (1, 1, {}), (name, report)
            assert report.examples[0].field == "properties.token"
            assert OTHER not in letters.read_text(), name
            # The letter still says that there was a foreign token: a replay is neither silent nor wrong.
            again = await mp.replay_dead_letters(letters, mapping=RecordMapping(), foreign_token="reject")
            assert again.rejected == 1
            once_more = await mp.replay_dead_letters(letters, mapping=RecordMapping())
            assert (once_more.imported, once_more.changed_by) == (1, {"foreign_token": 1})
        assert tokens(server)[-1] == OWN


async def test_the_transform_cannot_slip_one_in(server: ScriptedServer) -> None:
    """What a transform function returns is held to the rule."""

    def transform(record: dict[str, object]) -> dict[str, object]:
        return {**record, "properties": {**cast("dict[str, object]", record["properties"]), "token": OTHER}}

    async with client(server) as mp:
        report = await mp.import_events([event(1)], transform=transform)
        assert report.changed_by == {"foreign_token": 1}
    assert tokens(server) == [OWN]


@pytest.mark.parametrize(("policy", "sent"), [("replace", [OWN, OWN]), ("reject", [OWN]), ("keep", [OWN, OTHER])])
@pytest.mark.parametrize("is_group", [False, True])
async def test_imports_of_profiles(
    server: ScriptedServer, tmp_path: pathlib.Path, policy: ForeignToken, sent: list[str], *, is_group: bool
) -> None:
    """Imports of profiles and groups follow the same rule; a dead letter holds no token."""
    target = {"$group_key": "company", "$group_id": "a"} if is_group else {"$distinct_id": "u"}
    updates = [{**target, "$set": {"token": "a property"}}, {**target, "$token": OTHER, "$set": {"a": 1}}]
    path = tmp_path / "updates.ndjson"
    path.write_bytes(ndjson([*updates, {"$token": OTHER, "$set": {}}, {"$token": OWN, "$distinct_id": 1}]))
    async with client(server) as mp:
        run = mp.import_groups if is_group else mp.import_profiles
        report = await run(path, foreign_token=policy, dead_letters=tmp_path / "dead")
        assert report.changed_by == ({"foreign_token": 1} if policy == "replace" else {})
    assert tokens(server) == sent
    letters = (tmp_path / "dead").read_text()
    assert OTHER not in letters
    assert OWN not in letters


async def test_a_pipe_tells_on_the_acknowledgement(server: ScriptedServer) -> None:
    """The acknowledgement of a replaced record says so; the others say nothing."""
    async with client(server) as mp:
        acks = [ack async for ack in mp.pipe([event(1), event(2, token=OTHER), event(3, token=OWN)])]
        assert [ack.verdict.field for ack in acks] == ["", "properties.token", ""]
        assert mp.stats.replaced_tokens == 1
    assert tokens(server) == [None, OWN, OWN]


async def test_a_pipe_has_a_rule_of_its_own(server: ScriptedServer) -> None:
    """The option of a pipe goes before the client's settings; what it cannot do is refused."""
    async with client(server) as mp:
        acks = [ack async for ack in mp.pipe([event(1), event(2, token=OTHER)], foreign_token="reject")]
        assert [ack.is_rejected for ack in acks] == [False, True]
        with pytest.raises(InvalidArgumentError, match="foreign_token"):
            [ack async for ack in mp.pipe([event(1)], foreign_token="keep")]
        with pytest.raises(InvalidArgumentError, match="foreign_token"):
            mp.pipe([event(1)], foreign_token="no")  # type: ignore[call-overload]
    assert tokens(server) == [None]


@pytest.mark.parametrize("found", [(OTHER, OWN), (OWN, OTHER), (OTHER, OTHER)])
@pytest.mark.parametrize("options", [{}, {"mapping": RecordMapping(drop=frozenset({"ip"}))}])
async def test_a_token_that_comes_twice(
    server: ScriptedServer, tmp_path: pathlib.Path, found: tuple[str, str], options: dict[str, RecordMapping]
) -> None:
    """Of two tokens in one event, none that is foreign is sent, whichever of them a reader would take."""
    path = tmp_path / "a.ndjson"
    line = json.dumps(event(1, token=found[0]))
    path.write_text(line.replace('"token"', f'"token": "{found[1]}", "token"', 1) + "\n")
    async with client(server) as mp:
        report = await mp.import_events(path, mapping=options.get("mapping"))
        assert report.imported == 1
        assert OTHER.encode() not in b"".join(request.content for request in server.requests)
        if not options:
            assert report.changed_by == {"foreign_token": 1}
            report = await mp.import_events(path, foreign_token="reject")
            assert (report.imported, report.rejected) == (0, 1)


async def test_without_a_token_of_its_own(server: ScriptedServer) -> None:
    """A client without a token cannot tell which tokens are its project's: /import is sent none, and it is counted."""
    from mixpanel_async import ProjectSecret

    async with AsyncMixpanel(credentials=ProjectSecret("secret-of-project"), base_url=server.url) as mp:
        report = await mp.import_events([event(1, token=OTHER)])
        assert report.changed_by == {"foreign_token": 1}
        verdict = await (await mp.import_event("u", "E", {"token": OTHER}, time=1_700_000_000))
        assert verdict.field == "properties.token"
    assert tokens(server) == [None, None]
    assert json.dumps([request.records for request in server.requests]).count("token") == 0


async def test_the_own_token_is_not_part_of_an_event(server: ScriptedServer, tmp_path: pathlib.Path) -> None:
    """Equal events are duplicates whether they carry the client's token or not."""
    path = tmp_path / "a.ndjson"
    events = [event(1), event(1, token=OWN), event(2, token=OWN), event(2), event(3, token=OTHER), event(3)]
    for source in (events, path):
        path.write_bytes(ndjson(events))
        async with client(server) as mp:
            report = await mp.import_events(source)
            assert (report.imported, report.duplicates, report.changed_by) == (3, 3, {"foreign_token": 1})


BAD_EVENTS = {
    "cut off": '{"event":"E","properties":{"token":"%s","distinct_id":"u"',
    "cut off in the token": '{"event":"E","properties":{"token":"%s',
    "escaped name": '{"event":"E","properties":{"t\\u006Fken" : "%s","x":NaN}}',
    "single quotes": "{'event': 'E', 'properties': {'token': '%s'}}",
    "indented": '   {"event":"","properties":{"token":"%s"}}',
    "properties as text": '{"event":"E","properties":"{\\"token\\": \\"%s\\"}"}',
    "properties as a list": '{"event":"E","properties":[{"token":"%s"},["token","%s"]]}',
    "array": '[{"event":"E","properties":{"token":"%s"}}]',
    "data": '{"data":{"event":"E","properties":{"token":"%s"}}}',
    "text": '"{\\"event\\": \\"E\\", \\"properties\\": {\\"token\\": \\"%s\\"}}"',
}


@pytest.mark.parametrize("name", BAD_EVENTS)
async def test_what_is_no_record_keeps_no_token_either(
    server: ScriptedServer, tmp_path: pathlib.Path, name: str
) -> None:
    """Lines that cannot be read, and records of another form, go to the dead letters without the tokens they name."""
    path, letters = tmp_path / "a.ndjson", tmp_path / "dead"
    for token in (OTHER, OWN):
        path.write_text(BAD_EVENTS[name].replace("%s", token) + "\n")
        async with client(server) as mp:
            report = await mp.import_events(path, dead_letters=letters, format="ndjson")
        assert report.rejected == 1
        written = letters.read_bytes()
        assert token.encode() not in written
        assert len(orjson.loads(written)) > 2  # still one JSON line
        letters.unlink()


async def test_the_words_of_a_dead_letter_hold_no_token(server: ScriptedServer, tmp_path: pathlib.Path) -> None:
    """A transform function that puts the record into its error does not carry the token into the dead letter."""

    def transform(record: dict[str, object]) -> dict[str, object]:
        raise ValueError(f"cannot take {record}")

    bad = event(1)
    cast("dict[str, object]", bad["properties"])["token"] = OTHER
    async with client(server) as mp:
        report = await mp.import_events([bad], transform=transform, dead_letters=tmp_path / "dead")
    assert report.rejected == 1
    assert OTHER not in (tmp_path / "dead").read_text()


def test_the_search_for_named_tokens_is_linear() -> None:
    """Backslashes, quotes and names by the million cost no more than their number."""
    redact = without_tokens(OWN)
    for hostile in (
        b"\\" * 500_000,
        b'"token":' * 60_000,
        b'\\"token\\" ' * 60_000,
        b'"tok\\u006fen":"' + b"\\x" * 250_000,
    ):
        started = time.process_time()
        redact(b"{" + hostile)
        assert time.process_time() - started < 1.0
