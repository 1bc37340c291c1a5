"""Lines of an export that are not events, on the command line."""

import base64
import pathlib

import orjson

from tests.integration.attack.server import reply, scripted
from tests.integration.cli.conftest import Ended, account_environment, run_process
from tests.integration.jobs.test_bad_lines import BAD, BODY, DAY


async def test_the_command(tmp_path: pathlib.Path) -> None:
    """`--bad-lines FILE` gets number, reason and line of each; an existing file is not replaced."""
    async with scripted(lambda _: reply(200, BODY)) as server:
        await _export(server.url, tmp_path)


async def _export(url: str, tmp_path: pathlib.Path) -> None:
    async def run(*arguments: str) -> Ended:
        return await run_process(arguments, b"", account_environment(url), tmp_path)

    options = ["--from", DAY, "--to", DAY]
    ended = await run("export", "events", str(tmp_path / "a.ndjson"), *options, "--bad-lines", str(tmp_path / "bad"))
    assert ended.status == 0, ended.err
    assert "2 lines are not events" in ended.err
    lines = [orjson.loads(line) for line in (tmp_path / "bad").read_bytes().splitlines()]
    assert [line["number"] for line in lines] == [2, 4]
    assert lines[0]["line"].encode() == BAD[0]
    assert base64.b64decode(lines[1]["base64"]) == BAD[1]
    assert "not UTF-8" in lines[1]["reason"]
    again = await run("export", "events", str(tmp_path / "b.ndjson"), *options, "--bad-lines", str(tmp_path / "bad"))
    assert again.status != 0
    assert "exists already" in again.err
    plain = await run("export", "events", str(tmp_path / "c.ndjson"), *options)
    assert plain.status != 0
    assert "--bad-lines FILE" in plain.err
    stream = await run("export", "events", str(tmp_path / "d.ndjson"), *options, "--bad-lines", "-")
    assert (stream.status, "is not a file" in stream.err) == (2, True)
