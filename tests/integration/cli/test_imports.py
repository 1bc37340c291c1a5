"""`import events`, `validate`, `replay` and `serve`, as their users run them."""

import asyncio
import gzip
import json
import pathlib
import signal
import sys

import pytest

from mixpanel_async.emulator import Emulator, EmulatorSettings, InjectedFault
from tests.integration.cli.conftest import Ended, Run


def line(number: int, **properties: object) -> bytes:
    own = {"time": 1_700_000_000, "distinct_id": "u", "$insert_id": f"id-{number}", **properties}
    return json.dumps({"event": "Seen", "properties": own}).encode() + b"\n"


def one_line(ended: Ended) -> str:
    """Return the error that a command ended with: one line, no traceback."""
    assert ended.out == ""
    assert ended.err.count("\n") == 1, ended.err
    assert ended.err.startswith("mixpanel-async: ")
    return ended.err


async def test_a_good_file(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """If all events are delivered, the status is 0, the report is on stdout, and stderr is empty."""
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(b"".join(map(line, range(3)))))
    ended = await run("import", "events", "a.ndjson.gz")
    assert ended.status == 0
    assert ended.err == ""
    assert ended.out.startswith("a.ndjson.gz: 3 read = 3 imported + 0 rejected")
    assert len(await emulator.events()) == 3


async def test_a_bad_line(run: Run, tmp_path: pathlib.Path) -> None:
    """A single record that is not delivered makes the status 1; the report says which and why."""
    (tmp_path / "a.ndjson").write_bytes(line(1) + b"oops\n")
    ended = await run("import", "events", "a.ndjson")
    assert ended.status == 1
    assert "2 read = 1 imported + 1 rejected" in ended.out
    assert "a.ndjson:2: not valid JSON" in ended.out


async def test_json_reports(run: Run) -> None:
    """--json prints one JSON object whose numbers add up; - is standard input."""
    ended = await run("import", "events", "-", "--json", given=line(1) + line(1) + b"{}\n")
    report = json.loads(ended.out)
    assert ended.out.count("\n") == 1
    assert (report["source"], report["read"], report["imported"], report["rejected"]) == ("stdin", 3, 1, 1)
    assert report["duplicates"] == report["exit_status"] == ended.status == 1
    assert report["examples"][0]["position"] == "stdin:3"


async def test_how_a_table_is_read(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """The options that say how files are read are those of the call."""
    lines = ["event|time|distinct_id|$insert_id|title", "A|1700000000|u|id-0|'a|b'", "A|1700000000|u|id-1|Z\\|ü",
             "A|1700000000|u|id-2|NULL"]  # fmt: skip
    (tmp_path / "a.csv").write_bytes("\n".join(lines).encode("cp1252"))
    own = ["--quote", "'", "--escape", "\\", "--encoding", "cp1252", "--null", "NULL"]
    ended = await run("import", "events", "a.csv", *own)
    assert ended.status == 0, ended
    found = [one["properties"] for one in await emulator.events()]
    assert {one["$insert_id"]: one.get("title") for one in found} == {"id-0": "a|b", "id-1": "Z|ü", "id-2": None}


async def test_a_table(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """The mapping options turn rows into events."""
    (tmp_path / "a.csv").write_bytes(b"when;who;code;n\n14.11.2023;ann;007;1\n15.11.2023;bob;008;\n")
    ended = await run(
        "import", "events", "a.csv", "--delimiter", ";", "--event", "Seen", "--time-field", "when",
        "--time-format", "%d.%m.%Y", "--time-zone", "Europe/Berlin", "--distinct-id-field", "who",
        "--insert-id-hash", "position", "--infer-types", "--set", "origin=test", "--rename", "n=number",
    )  # fmt: skip
    assert ended.status == 0, ended
    events = sorted(await emulator.events(), key=lambda event: str(event["properties"]["time"]))
    properties = [
        {name: value for name, value in event["properties"].items() if name != "$insert_id"} for event in events
    ]
    assert properties == [
        {"time": 1_699_916_400, "distinct_id": "ann", "code": "007", "number": 1, "origin": "test"},
        {"time": 1_700_002_800, "distinct_id": "bob", "code": "008", "origin": "test"},
    ]


async def test_profiles_groups_and_lookup_tables(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """Each other kind of record has a command of its own."""
    (tmp_path / "a.csv").write_bytes(b"id,plan\nann,pro\n")
    users = await run("import", "profiles", "a.csv", "--id-field", "id")
    groups = await run("import", "groups", "a.csv", "--id-field", "id", "--group-key", "company")
    assert (users.status, groups.status) == (0, 0)
    assert "1 read = 1 imported" in users.out
    assert await emulator.profiles() == {"ann": {"plan": "pro"}}
    assert await emulator.groups() == {("company", "ann"): {"plan": "pro"}}
    account = {"MIXPANEL_SERVICE_ACCOUNT_USERNAME": "u", "MIXPANEL_SERVICE_ACCOUNT_SECRET": "s"}
    table = await run("import", "lookup-table", "t-1", "a.csv", "--project-id", "1", env=account)
    assert table.status == 0, table
    assert await emulator.lookup_tables() == {"t-1": "id,plan\nann,pro\n"}


async def test_validate_sends_nothing(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """`validate` needs neither credentials nor a server, and ends with 1 if a record is invalid."""
    (tmp_path / "a.ndjson").write_bytes(line(1))
    (tmp_path / "b.ndjson").write_bytes(line(1) + b"{}\n")
    nothing = {"MIXPANEL_TOKEN": "", "MIXPANEL_BASE_URL": "http://127.0.0.1:9"}
    good = await run("validate", "a.ndjson", env=nothing)
    bad = await run("validate", "a.ndjson", "b.ndjson", "--dead-letters", "dead", env=nothing)
    assert (good.status, bad.status) == (0, 1)
    assert "nothing was sent" in good.out
    assert json.loads((tmp_path / "dead").read_bytes())["number"] == 2
    assert not emulator.requests


async def test_exact_dedupe(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """--exact-dedupe exists exactly for the commands that send or check events."""
    (tmp_path / "a.ndjson").write_bytes(line(1) + line(2) + line(1))
    for command in (["validate"], ["import", "events"]):
        ended = await run(*command, "a.ndjson", "--exact-dedupe", "--json")
        assert (ended.status, json.loads(ended.out)["duplicates"]) == (0, 1)
    letters = b"".join(b'{"source":"a","number":1,"record":%s}\n' % line(1).strip() for _ in range(3))
    (tmp_path / "dead").write_bytes(letters)
    ended = await run("replay", "dead", "--exact-dedupe", "--json")
    assert (ended.status, json.loads(ended.out)["duplicates"]) == (0, 2)
    ended = await run("import", "profiles", "a.ndjson", "--exact-dedupe")
    assert ended.status == 2
    assert "--exact-dedupe" in one_line(ended)
    assert len(await emulator.events()) == 3


async def test_replay(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """`replay` sends dead letters, and refuses to write to the file that it reads."""
    (tmp_path / "a.ndjson").write_bytes(line(1))
    emulator.faults.add(InjectedFault(path="/import", kind="partial", indexes=(0,), after=1))
    assert (await run("import", "events", "a.ndjson", "--dead-letters", "dead")).status == 1
    assert (await run("replay", "dead", "--dead-letters", "./dead")).status == 2
    assert (await run("replay", "dead", "--use-project-token")).status == 0
    assert len(await emulator.events()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "events", "a.ndjson", "--colour"], "No such option: --colour"),
        (["import", "events"], "Missing argument"),
        (["import", "elephants"], "No such command 'elephants'"),
        (["fly"], "No such command 'fly'"),
        (["import", "events", "a.ndjson", "--region", "mars"], "region 'mars' is unknown; choose one of us, eu, in"),
        (["import", "events", "a.ndjson", "--project-id", "x"], "--project-id"),
        (["import", "events", "a.ndjson", "--format", "xml"], "format is invalid: 'xml' is unknown"),
        (["import", "events", "a.ndjson", "--time-zone", "Mars"], "time_zone is invalid: 'Mars' is unknown"),
        (["import", "events", "a.ndjson", "--type", "n"], "--type is invalid: 'n' has no name or no equals sign"),
        (["import", "events", "a.ndjson", "--base-url", "x"], "base_url is invalid: it is not the URL of a server"),
        (["import", "events", "-", "--checkpoint", "c"], "checkpoint is invalid: stdin cannot be read again"),
        (["import", "events", ""], "a path is empty"),
        (["validate", "a.ndjson", ""], "a path is empty"),
        (["import", "profiles", "a.ndjson", "--dead-letters", "./a.ndjson"], "is invalid: the import reads this file"),
        (["import", "events", "a.ndjson", "--dead-letters", "c", "--checkpoint", "./c"], "name two files"),
        (["import", "events", "a.ndjson", "--delimiter", ";;"], "delimiter is invalid: ';;'"),
        (["validate", "a.ndjson", "--delimiter", ""], "delimiter is invalid: ''"),
        (["serve", "--port", "70000"], "--port"),
    ],
)
async def test_wrong_usage(run: Run, tmp_path: pathlib.Path, arguments: list[str], message: str) -> None:
    """Invalid usage ends with 2 and one line that says what is invalid."""
    (tmp_path / "a.ndjson").write_bytes(line(1))
    ended = await run(*arguments)
    assert ended.status == 2
    assert message in one_line(ended)


async def test_a_missing_file(run: Run) -> None:
    """A missing file ends with 1 and one line that names it."""
    ended = await run("import", "events", "nowhere.ndjson")
    assert ended.status == 1
    assert "nowhere.ndjson: there is no such file" in one_line(ended)


async def test_no_credentials(run: Run, tmp_path: pathlib.Path) -> None:
    """Without credentials, the command names the variables to set and ends with 3."""
    (tmp_path / "a.ndjson").write_bytes(line(1))
    ended = await run("import", "events", "a.ndjson", env={"MIXPANEL_TOKEN": ""})
    assert ended.status == 3
    assert "MIXPANEL_TOKEN" in one_line(ended)


async def test_wrong_credentials(run: Run, tmp_path: pathlib.Path) -> None:
    """Refused credentials end with 3 and one line without the secret; nothing is sent."""
    (tmp_path / "a.ndjson").write_bytes(line(1))
    async with Emulator(EmulatorSettings(service_accounts={"user": "secret"})) as strict:
        ended = await run(
            "import", "events", "a.ndjson", env={"MIXPANEL_BASE_URL": strict.url, "MIXPANEL_TOKEN": "hush"}
        )
        assert await strict.events() == []
    assert ended.status == 3
    assert "hush" not in one_line(ended)


async def test_a_server_that_is_not_there(run: Run, tmp_path: pathlib.Path) -> None:
    """An unreachable server ends the command at once with 1 and one line."""
    (tmp_path / "a.ndjson").write_bytes(line(1))
    ended = await run("import", "events", "a.ndjson", "--base-url", "http://127.0.0.1:9")
    assert ended.status == 1
    assert "cannot connect" in one_line(ended)


async def test_something_else_than_mixpanel(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """A server that is not Mixpanel ends the command before a record is sent."""
    (tmp_path / "a.ndjson").write_bytes(line(1))
    ended = await run("import", "events", "a.ndjson", "--base-url", f"{emulator.url}/elsewhere")
    assert ended.status == 1
    assert "404" in one_line(ended)


async def test_help(run: Run) -> None:
    """--help explains a command and its options, and ends with 0."""
    ended = await run("import", "events", "--help")
    assert ended.status == 0
    for option in ("--checkpoint", "--dead-letters", "--dry-run", "--concurrency", "--base-url", "--region", "--json"):
        assert option in ended.out


async def test_without_the_extra(run: Run, tmp_path: pathlib.Path) -> None:
    """Without the extra, the command prints how to install it and ends with 2."""
    (tmp_path / "typer.py").write_text("raise ImportError('no', name='typer')")
    ended = await run("import", "events", "a", env={"PYTHONPATH": str(tmp_path)})
    assert ended.status == 2
    assert 'pip install "mixpanel-async[cli]"' in one_line(ended)


async def _start(environment: dict[str, str], cwd: pathlib.Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mixpanel_async", *arguments, env=environment, cwd=cwd,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _until(emulator: Emulator, events: int) -> None:
    async with asyncio.timeout(20):
        while (await emulator.counts()).events < events:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)


async def test_one_interrupt(environment: dict[str, str], emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """One interrupt delivers and reports what was read, and ends with 1."""
    process = await _start(environment, tmp_path, "import", "events", "-", "--json")
    assert process.stdin is not None
    process.stdin.write(line(1) + line(2))
    await process.stdin.drain()
    await _until(emulator, 2)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):
        assert process.stdout is not None
        assert process.stderr is not None
        report, said = json.loads(await process.stdout.read()), await process.stderr.read()
        assert await process.wait() == 1
    assert report["is_stopped"]
    assert report["read"] == report["imported"] == 2
    assert b"interrupt again" in said


async def test_two_interrupts(environment: dict[str, str], emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """A second interrupt ends the command at once, with 130 and without a traceback."""
    emulator.faults.add(InjectedFault(path="/import", kind="hang", after=1, times=None))
    (tmp_path / "a.ndjson").write_bytes(line(1))
    process = await _start(environment, tmp_path, "import", "events", "a.ndjson")
    assert process.stderr is not None
    async with asyncio.timeout(20):
        while len(emulator.requests) < 2:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
        process.send_signal(signal.SIGINT)
        await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
    assert b"Traceback" not in await process.stderr.read()


async def test_serve(environment: dict[str, str], run: Run, tmp_path: pathlib.Path) -> None:
    """`serve` prints its URL first, stores its data in --data, and ends with 0 when interrupted."""
    for expected in (1, 2):
        server = await _start(environment, tmp_path, "serve", "--port", "0", "--data", "data.duckdb")
        assert server.stdout is not None
        async with asyncio.timeout(20):
            address = (await server.stdout.readline()).decode().strip()
            ended = await run("import", "events", "-", "--base-url", address, given=line(expected))
            assert ended.status == 0, ended
            server.send_signal(signal.SIGINT)
            await server.communicate()
        assert server.returncode == 0
    async with Emulator(EmulatorSettings(data=tmp_path / "data.duckdb")) as again:
        assert len(await again.events()) == 2


async def test_a_port_that_is_taken(run: Run, emulator: Emulator) -> None:
    """A port in use ends `serve` with 1 and one line."""
    port = emulator.url.rpartition(":")[2]
    ended = await run("serve", "--port", port)
    assert ended.status == 1
    assert f"cannot serve on 127.0.0.1:{port}" in one_line(ended)
    assert "choose another port" in one_line(ended)


async def test_a_host_that_is_none(run: Run) -> None:
    """An address that this machine does not have is no problem of the port."""
    ended = await run("serve", "--host", "256.1.1.1")
    assert ended.status == 1
    assert "check --host" in one_line(ended)


async def test_a_check_says_what_is_valid(run: Run, tmp_path: pathlib.Path) -> None:
    """`validate` says how many records were checked, valid and invalid, and not that they were skipped."""
    (tmp_path / "a.ndjson").write_bytes(line(1) + line(1) + b"{}\n")
    ended = await run("validate", "a.ndjson")
    assert ended.out.startswith("a.ndjson: 3 checked, 1 valid, 1 invalid, 1 duplicates\n")
    assert "nothing was sent" in ended.out
    assert "dry_run" not in ended.out


@pytest.mark.parametrize(
    ("header", "options"),
    [
        (
            "event_name,ts,uid,plan",
            "--event-field event_name --time-field ts --distinct-id-field uid --insert-id-hash content",
        ),
        ("a,created_at,user id", "--event 'Row Imported' --time-field created_at --distinct-id-field 'user id'"),
        ("event,time,distinct_id,uuid", "--insert-id-field uuid"),
        ("a,b", "--event 'Row Imported' --time-field COLUMN --distinct-id-field COLUMN --insert-id-hash content"),
    ],
)
async def test_a_table_with_other_columns_gets_the_command(
    run: Run, tmp_path: pathlib.Path, header: str, options: str
) -> None:
    """A table whose columns have other names than Mixpanel's fields gets the options that probably map it."""
    (tmp_path / "a.csv").write_text(f"{header}\n1,2,3,4\n", encoding="utf-8")
    ended = await run("validate", "a.csv")
    assert ended.status == 2
    assert f"for example: {options}" in ended.err
