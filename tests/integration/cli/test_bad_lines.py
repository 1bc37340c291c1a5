"""Lines of an export that are not events, on the command line."""

import base64
import pathlib

import orjson

from tests.integration.actions.server import listening
from tests.integration.attack.server import reply, scripted
from tests.integration.cli.conftest import Ended, account_environment, run_process
from tests.integration.jobs.test_bad_lines import BAD, BODY, DAY
from tests.integration.jobs.test_odd_profiles import ODD, pages_with


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


async def test_profiles(tmp_path: pathlib.Path) -> None:
    """`--bad-lines FILE` gets page, position, ID, reason and what came of each profile that cannot be read."""
    script = pages_with(ODD["utf8"][0])
    script.pages[0][1] = ODD["id_null"][0]

    async def run(url: str, *arguments: str) -> Ended:
        return await run_process(("export", "profiles", *arguments), b"", account_environment(url), tmp_path)

    async with listening() as server:
        server.handler = script.answer
        plain = await run(server.url, "a.csv")
        assert (plain.status, "profile 2 of page 0 cannot be read" in plain.err) == (1, True)
        assert "--bad-lines FILE" in plain.err
        ended = await run(server.url, "a.csv", "--bad-lines", "bad", "--resume", "--json")
        assert ended.status == 0, ended.err
        assert "2 profiles cannot be read" in ended.err
        report = orjson.loads(ended.out)
        assert (report["profiles"], report["bad_lines"]) == (5, 2)
        first, second = (orjson.loads(line) for line in (tmp_path / "bad").read_bytes().splitlines())
        assert (first["page"], first["position"], first["distinct_id"]) == (0, 2, None)
        assert first["line"].encode() == ODD["id_null"][0]
        assert (second["page"], second["position"], second["distinct_id"]) == (2, 1, "odd")
        assert base64.b64decode(second["base64"]) == ODD["utf8"][0]
        assert "not UTF-8" in second["reason"]
        kept = await run(server.url, "kept.ndjson", "--keep-bad-lines")
        assert (kept.status, "2 profiles cannot be read" in kept.err) == (0, True)
        assert (tmp_path / "kept.ndjson").read_bytes().count(b"\n") == 7
        left_out = await run(server.url, "-", "--bad-lines", "more")
        assert (left_out.status, left_out.out.count("\n"), "2 profiles cannot be read" in left_out.err) == (0, 5, True)
        both = await run(server.url, "b.ndjson", "--bad-lines", "c", "--keep-bad-lines")
        assert (both.status, "exclude each other" in both.err) == (2, True)
