"""Lines of an export that are not events: counted, kept or handed over, never taken for truncation."""

import pathlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, ProjectSecret
from mixpanel_async.errors import InvalidArgumentError, UnreadableEventError
from mixpanel_async.jobs.exports.line_check import BadLine
from tests.integration.attack.server import Received, ScriptedServer, reply, scripted
from tests.virtual_time import FastClock

DAY = "2026-08-01"
GOOD = [b'{"event":"E","properties":{"n":%d,"time":1785542400,"distinct_id":"u"}}' % n for n in range(3)]
BAD = [b'{"event":"a","properties":{"x":NaN}}', b'{"event":"\xff","properties":{}}']
BODY = b"\n".join([GOOD[0], BAD[0], GOOD[1], BAD[1], GOOD[2], b""])


@pytest.fixture
def replies() -> list[bytes]:
    """The bodies of the next replies; then the last one again and again."""
    return [BODY]


@pytest.fixture
async def server(replies: list[bytes]) -> AsyncIterator[ScriptedServer]:
    def script(_: Received) -> bytes:
        return reply(200, replies.pop(0) if len(replies) > 1 else replies[0])

    async with scripted(script) as made:
        yield made


@pytest.fixture
async def client(server: ScriptedServer) -> AsyncIterator[AsyncMixpanel]:
    async with AsyncMixpanel(credentials=ProjectSecret("secret-0123"), base_url=server.url, clock=FastClock()) as made:
        yield made


async def test_it_raises_once(client: AsyncMixpanel, server: ScriptedServer, tmp_path: pathlib.Path) -> None:
    """By default a bad line raises, says where it is and what to do, and the day is not requested again."""
    with pytest.raises(UnreadableEventError, match=r"line 2 of the export is not an event.*--bad-lines FILE"):
        await client.export.to_file(tmp_path / "a.ndjson", DAY, DAY)
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv", "a.parquet"])
async def test_a_function_gets_them(name: str, client: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A function is called with each bad line, in every format, and the file has all other events."""
    bad: list[BadLine] = []
    report = await client.export.to_file(tmp_path / name, DAY, DAY, on_bad_line=bad.append)
    assert [(one.number, one.line) for one in bad] == [(2, BAD[0]), (4, BAD[1])]
    assert (report.events, report.bad_lines) == (3, 2)
    if name.endswith(".ndjson"):
        assert (tmp_path / name).read_bytes().splitlines() == GOOD


async def test_an_attempt_that_fails_reports_nothing(
    client: AsyncMixpanel, replies: list[bytes], tmp_path: pathlib.Path
) -> None:
    """Bad lines of a reply that was cut come again with the next one, and are reported once."""
    replies[:0] = [BODY + b"export terminated early\n", BODY + b'{"event":']
    bad: list[BadLine] = []
    report = await client.export.to_file(tmp_path / "a.ndjson", DAY, DAY, on_bad_line=bad.append)
    assert [one.number for one in bad] == [2, 4]
    assert (report.events, report.bad_lines) == (3, 2)


async def test_a_day_whose_lines_were_not_taken_is_not_complete(
    client: AsyncMixpanel, server: ScriptedServer, tmp_path: pathlib.Path
) -> None:
    """If the function raises, nothing is written, and the next run exports the day again and calls it again."""

    def refuse(_: BadLine) -> None:
        raise OSError("no space")

    for path in (f"{tmp_path}/days/", str(tmp_path / "a.csv")):
        with pytest.raises(OSError, match="no space"):
            await client.export.to_file(path, DAY, DAY, on_bad_line=refuse)
        bad: list[BadLine] = []
        report = await client.export.to_file(path, DAY, DAY, on_bad_line=bad.append)
        assert (report.events, len(bad)) == (3, 2)
    assert len(server.requests) == 4


async def test_they_are_kept(client: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """Kept lines are in the file as they came; a format without lines cannot keep them, and says so at once."""
    report = await client.export.to_file(tmp_path / "a.ndjson", DAY, DAY, on_bad_line="keep")
    assert sorted((tmp_path / "a.ndjson").read_bytes().splitlines()) == sorted(GOOD + BAD)
    assert report.bad_lines == 2
    with pytest.raises(InvalidArgumentError, match="choose NDJSON"):
        await client.export.to_file(tmp_path / "a.csv", DAY, DAY, on_bad_line="keep")


@pytest.mark.parametrize(
    "wrong",
    [
        {"idle_timeout_seconds": 0},
        {"idle_timeout_seconds": "1"},
        {"timeout_seconds": -1},
        {"min_bytes_per_second": -1},
        {"min_bytes_per_second": float("nan")},
        {"min_bytes_per_second": None},
    ],
)
async def test_waits_that_cannot_be_meant(wrong: dict[str, Any], client: AsyncMixpanel, server: ScriptedServer) -> None:
    """A time-out or speed that is no number in range is refused before the request."""
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        await anext(client.export.events(DAY, DAY, **wrong))
    assert not server.requests


async def test_iterators(client: AsyncMixpanel) -> None:
    """Iterators of dicts, lines and blocks agree with files."""
    bad: list[BadLine] = []
    events = [event async for event in client.export.events(DAY, DAY, on_bad_line=bad.append)]
    assert events == [orjson.loads(line) for line in GOOD]
    assert [line async for line in client.export.raw(DAY, DAY, on_bad_line=bad.append)] == GOOD
    assert [one.number for one in bad] == [2, 4, 2, 4]
    kept = b"".join([block async for block in client.export.blocks(DAY, DAY, on_bad_line="keep")])
    assert sorted(kept.splitlines()) == sorted(GOOD + BAD)
    with pytest.raises(InvalidArgumentError, match="on_bad_line is invalid"):
        await anext(client.export.events(DAY, DAY, on_bad_line="ignore"))  # type: ignore[arg-type]
