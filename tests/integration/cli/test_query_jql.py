"""JQL from files, standard input and the command line."""

from pathlib import Path

import pytest
from aiohttp import web

from tests.integration.actions.server import Script, Seen
from tests.integration.cli.conftest import Command
from tests.integration.cli.replies import REPLIES

ROWS = REPLIES["/api/query/jql"]


async def test_script_and_params_from_files(inside: Command, mixpanel: Script, tmp_path: Path) -> None:
    """A script in a file and params in another reach Mixpanel as they are."""
    script, params = tmp_path / "script.js", tmp_path / "params.json"
    script.write_text("function main() { return Events({}) } // ü", encoding="utf-8")
    params.write_text('{"from": 1}', encoding="utf-8")
    ended = await inside("query", "jql", str(script), "--params", f"@{params}")
    assert (ended.status, ended.json, ended.err) == (0, ROWS, "")
    assert mixpanel.seen[0].form == {"script": script.read_text(encoding="utf-8"), "params": '{"from":1}'}


async def test_script_from_standard_input(command: Command, mixpanel: Script) -> None:
    """- is standard input."""
    ended = await command("query", "jql", "-", "--output", "ndjson", stdin=b"function main() {}")
    assert (ended.status, ended.out.splitlines()[0]) == (0, '{"key":["Berlin"],"value":3}')
    assert mixpanel.seen[0].form["script"] == "function main() {}"


async def test_rows_as_csv(inside: Command) -> None:
    """The fields of the rows are the columns."""
    ended = await inside("query", "jql", "--script", "x", "--output", "csv")
    assert ended.out == 'key,value\n"[""Berlin""]",3\n"[""Rom""]",1\n'


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
async def test_a_reply_that_ends_early_is_an_error(form: str, inside: Command, mixpanel: Script) -> None:
    """Rows of half a reply are not taken for all."""

    async def half(seen: Seen) -> web.StreamResponse:
        del seen
        return web.Response(body=b'[{"key":["Berlin"],"value":3},', content_type="application/json")

    mixpanel.handler = half
    ended = await inside("query", "jql", "--script", "x", "--output", form)
    assert ended.status == 1
    assert ended.err.count("\n") == 1


async def test_a_missing_file_is_named(inside: Command, mixpanel: Script) -> None:
    """A script that cannot be read is an error, before anything is sent."""
    ended = await inside("query", "jql", "nowhere.js")
    assert (ended.status, mixpanel.seen) == (1, [])
    assert ended.err == "mixpanel-async: cannot read nowhere.js: No such file or directory\n"
