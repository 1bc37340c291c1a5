"""The command line as a process: its output streams and exit statuses."""

import asyncio
import contextlib
import os
import pathlib
import pty
import signal
from pathlib import Path

import pytest
from aiohttp import web

from tests.integration.actions.server import Script, Seen
from tests.integration.cli.conftest import MODULE, SECRET, Command, account_environment, answer

COHORT = {
    "id": 1000, "name": "Cohort 1", "count": 150, "description": "Visited the home page",
    "created": "2019-03-19 23:49:51", "is_visible": 1, "project_id": 1,
}  # fmt: skip


async def on_terminal(script: Script, *arguments: str, typed: bytes = b"") -> tuple[int | None, str]:
    """Run the command line on a terminal of 80 columns; return its status and what the terminal showed."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *MODULE,
        *arguments,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=account_environment(script.url, TERM="dumb"),
    )
    os.close(theirs)
    os.write(ours, typed)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux tells that nobody is left on the other side
        while block := await asyncio.to_thread(os.read, ours, 65536):
            shown += block
    os.close(ours)
    return await process.wait(), shown.decode().replace("\r\n", "\n")


async def test_json_without_a_terminal_table_on_one(command: Command, mixpanel: Script) -> None:
    """Programs get JSON, terminals a table; messages go to standard error only."""
    ended = await command("cohorts", "list")
    assert (ended.status, ended.json, ended.err) == (0, [COHORT], "")
    status, shown = await on_terminal(mixpanel, "query", "todays-top-events")
    assert status == 0
    assert shown.splitlines() == [
        "event   amount  percent_change",
        "──────────────────────────────",
        "funnel       2          -0.357",
    ]


async def test_narrow_terminals_cut_nothing_off(mixpanel: Script) -> None:
    """Rows that are too wide for the terminal become blocks of lines without losing a value."""
    status, shown = await on_terminal(
        mixpanel, "query", "funnels", "7", "--from-date", "2026-08-01", "--to-date", "2026-08-02", "--output", "table"
    )
    assert status == 0
    assert "…" not in shown
    assert "32,688" in shown
    assert "overall_conv_ratio" in shown


async def test_forms_on_demand(inside: Command) -> None:
    """--output chooses the format, --json prints the reply unchanged, --format csv prints Mixpanel's own CSV."""
    arguments = ("query", "segmentation", "E", "--from-date", "2026-08-01", "--to-date", "2026-08-02")
    csv = await inside(*arguments, "--output", "csv")
    assert csv.out == 'segment,date,value\npro,2026-08-01,3\npro,2026-08-02,4\n"free, or so",2026-08-01,1\n'
    ndjson = await inside(*arguments, "--output", "ndjson")
    assert ndjson.out.splitlines()[0] == '{"segment":"pro","date":"2026-08-01","value":3}'
    table = await inside(*arguments, "--output", "table")
    assert table.out.splitlines()[0].split() == ["segment", "date", "value"]
    raw = await inside(*arguments, "--json")
    assert raw.out.startswith('{"data":{"series":')
    own = await inside(*arguments, "--format", "csv")
    assert own.out == "date,pro\n2026-08-01,3\n"


async def test_output_is_utf8_whatever_the_locale(command: Command) -> None:
    """The output is UTF-8 in every locale."""
    ended = await command("query", "top-events", "--output", "csv", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert (ended.status, ended.out) == (0, "event\nSigned Up\nRückruf\n")


@pytest.mark.parametrize(
    ("arguments", "reply", "header"),
    [
        (("cohorts", "list"), [], "id,name,count,description,created,is_visible,project_id"),
        (("query", "list-funnels"), [], "funnel_id,name"),
        (("lookup-tables", "list"), {"results": []}, "id,name"),
        (("projects", "list"), {"results": {"projects": {}}}, "id,name,domain,timezone"),
        (("pipelines", "list"), {"7": []}, "name,project_id,frequency,dispatcher,last_dispatched,sync_enabled"),
        (("query", "top-events"), [], "event"),
        (("query", "todays-top-events"), {"events": []}, "event,amount,percent_change"),
    ],
)
async def test_empty_lists_keep_their_columns(
    arguments: tuple[str, ...], reply: object, header: str, inside: Command, mixpanel: Script
) -> None:
    """An empty result still has its columns."""
    mixpanel.handler = None
    mixpanel.answers(reply)
    ended = await inside(*arguments, "--output", "csv")
    assert (ended.status, ended.out) == (0, f"{header}\n")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"error": "the project is suspended"}', "the project is suspended"),
        (b"{}", "the reply is an object without `data`"),
        (b"", "the reply is empty"),
        (b"<html><body>Log in</body></html>", "the reply is HTML"),
        (b'{"data": {"series": []}}', "an object without `values`"),
    ],
)
async def test_an_odd_reply_is_not_an_empty_table(body: bytes, says: str, inside: Command, mixpanel: Script) -> None:
    """A reply that is not the answer ends with status 1 and its reason, and nothing on standard output."""
    mixpanel.handler = None
    mixpanel.replies = [(200, body)]
    days = ("--from-date", "2026-08-01", "--to-date", "2026-08-02")
    for output in ("table", "csv", "ndjson", "json"):
        ended = await inside("query", "segmentation", "Signed Up", *days, "--output", output)
        assert (ended.status, ended.out) == (1, "")
        assert says in ended.err


REFUSALS = [(401, 3), (402, 3), (403, 3), (400, 1), (404, 1)]


@pytest.mark.parametrize(("status", "ends_with"), REFUSALS)
async def test_refusals(status: int, ends_with: int, inside: Command, mixpanel: Script) -> None:
    """Refused credentials end with 3, other refusals with 1; one line says what and where."""
    mixpanel.handler = None
    mixpanel.replies = [(status, b'{"error": "no\\u001b[31m\\nway"}')]
    ended = await inside("query", "cohorts")
    assert (ended.status, ended.out) == (ends_with, "")
    assert ended.err == f"mixpanel-async: query.cohorts: HTTP {status}: no\\x1b[31m way\n"


async def test_missing_credentials_end_with_3(command: Command, inside: Command, mixpanel: Script) -> None:
    """Without credentials or project nothing is sent, and the variables to set are named."""
    names = ("MIXPANEL_SERVICE_ACCOUNT_USERNAME", "MIXPANEL_SERVICE_ACCOUNT_SECRET")
    nobody = await command("query", "cohorts", **dict.fromkeys(names, ""))
    nowhere = await inside("query", "cohorts", MIXPANEL_PROJECT_ID="")
    assert (nobody.status, nowhere.status, mixpanel.seen) == (3, 3, [])
    assert "MIXPANEL_SERVICE_ACCOUNT_USERNAME" in nobody.err
    assert "--project-id" in nowhere.err


@pytest.mark.parametrize("arguments", [("--base-url", "ftp://x"), ("--region", "mars"), ("--project-id", "shop")])
async def test_wrong_options_of_the_server_end_with_2(arguments: tuple[str, ...], inside: Command) -> None:
    """An invalid URL, region or project is reported in one line."""
    ended = await inside("query", "cohorts", *arguments)
    assert (ended.status, ended.err.count("\n")) == (2, 1)


async def test_half_a_service_account_ends_with_2(inside: Command, mixpanel: Script) -> None:
    """A variable that is missing beside another one is named; nothing is sent."""
    ended = await inside("query", "cohorts", MIXPANEL_SERVICE_ACCOUNT_SECRET="")
    assert (ended.status, mixpanel.seen) == (2, [])
    assert "secret" in ended.err


async def test_unreachable_server_ends_with_1(command: Command) -> None:
    """An unreachable server gives one line on standard error without traceback or secrets."""
    ended = await command("request", "GET", "/api/app/me", "--retries", "0", MIXPANEL_BASE_URL="http://127.0.0.1:9")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.count("\n") == 1
    assert SECRET not in ended.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
async def test_full_disk_is_an_error(mixpanel: Script) -> None:
    """Output that cannot be written is an error."""
    full = os.open("/dev/full", os.O_WRONLY)
    process = await asyncio.create_subprocess_exec(
        *MODULE, "query", "cohorts", stdout=full, stderr=asyncio.subprocess.PIPE, env=account_environment(mixpanel.url)
    )
    os.close(full)
    _, err = await process.communicate()
    assert process.returncode == 1
    assert err.decode() == "mixpanel-async: cannot write to standard output: No space left on device\n"


async def test_a_reader_that_leaves_is_no_drama(mixpanel: Script) -> None:
    """In a pipe to `head`, the command ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    process = await asyncio.create_subprocess_exec(
        *MODULE,
        "query",
        "profiles",
        stdout=writer,
        stderr=asyncio.subprocess.PIPE,
        env=account_environment(mixpanel.url),
    )
    os.close(writer)
    _, err = await process.communicate()
    assert (process.returncode, err) == (1, b"")


KEPT = b"mixpanel-async: the days that are complete are kept: the same command goes on\n"
READ = b"mixpanel-async: what was read is kept: add --resume to go on after it\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (("query", "cohorts"), b""),
        (("export", "events", "days/", "--from-date", "2026-08-01", "--to-date", "2026-08-02"), KEPT),
        (("export", "events", "a.ndjson", "--from-date", "2026-08-01", "--to-date", "2026-08-02"), b""),
        (("sync-export", "lake", "--from-date", "2026-08-01", "--to-date", "2026-08-02"), KEPT),
        (("export", "profiles", "p.ndjson"), READ),
    ],
)
async def test_interrupt_ends_with_130(
    arguments: tuple[str, ...], kept: bytes, number: signal.Signals, mixpanel: Script, tmp_path: pathlib.Path
) -> None:
    """Ctrl-C and SIGTERM end a call at once, without a traceback; if something can go on, it says how."""
    is_asked = asyncio.Event()

    async def hang(seen: Seen) -> web.StreamResponse:
        is_asked.set()
        await asyncio.Event().wait()
        return await answer(seen)

    mixpanel.handler = hang
    process = await asyncio.create_subprocess_exec(
        *MODULE, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=account_environment(mixpanel.url), cwd=tmp_path,
    )  # fmt: skip
    await is_asked.wait()
    process.send_signal(number)
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (130, b"", kept + b"mixpanel-async: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_comparison_leaves_no_files(
    number: signal.Signals, mixpanel: Script, tmp_path: pathlib.Path
) -> None:
    """The temporary files of reconcile, which hold events, are removed whichever signal ends it."""
    (tmp_path / "a.ndjson").write_bytes(
        b'{"event":"A","properties":{"time":1785542400,"distinct_id":"u","$insert_id":"i"}}\n'
    )
    (tmp_path / "temporary").mkdir()
    is_asked = asyncio.Event()

    async def hang(seen: Seen) -> web.StreamResponse:
        is_asked.set()
        await asyncio.Event().wait()
        return await answer(seen)

    mixpanel.handler = hang
    arguments = ("reconcile", "a.ndjson", "--from-date", "2026-08-01", "--to-date", "2026-08-01")
    process = await asyncio.create_subprocess_exec(
        *MODULE, *arguments, "--temp-dir", "temporary", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=account_environment(mixpanel.url), cwd=tmp_path,
    )  # fmt: skip
    await is_asked.wait()
    assert list((tmp_path / "temporary").iterdir())
    process.send_signal(number)
    _, err = await process.communicate()
    assert (process.returncode, err) == (130, b"mixpanel-async: interrupted\n")
    assert not list((tmp_path / "temporary").iterdir())


async def test_deleting_asks_on_a_terminal(mixpanel: Script) -> None:
    """On a terminal, deletion asks for confirmation; without a yes nothing is sent."""
    status, shown = await on_terminal(mixpanel, "lookup-tables", "delete", "abc-1", typed=b"n\n")
    assert (status, mixpanel.seen) == (1, [])
    assert "Delete the lookup table 'abc-1'?" in shown
    assert "nothing was done" in shown
    status, shown = await on_terminal(mixpanel, "pipelines", "cancel", "p", typed=b"y\n")
    assert (status, [seen.path for seen in mixpanel.seen]) == (0, ["/api/2.0/nessie/pipeline/cancel"])


async def test_deleting_without_a_terminal_needs_yes(command: Command, inside: Command, mixpanel: Script) -> None:
    """Without a terminal, deletion needs --yes, whatever is on standard input."""
    pipeline = await command("pipelines", "cancel", "p", stdin=b"y\n")
    table = await inside("lookup-tables", "delete", "abc-1")
    assert (table.status, pipeline.status, mixpanel.seen) == (2, 2, [])
    assert "add --yes" in table.err
    sure = await inside("lookup-tables", "delete", "abc-1", "--yes")
    assert (sure.status, sure.json) == (0, [{"name": "abc-1", "status": "OK"}])
    assert [(seen.method, seen.path) for seen in mixpanel.seen] == [("DELETE", "/lookup-tables/abc-1")]
