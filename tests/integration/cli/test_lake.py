"""`mixpanel-async sync-export` and `mixpanel-async sql`, as users run them."""

import asyncio
import json
import pathlib
import signal

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator
from tests.integration.actions.server import Script
from tests.integration.cli.conftest import MODULE, Command, account_environment

SYNC = ("sync-export", "lake", "--from-date", "2023-11-14", "--to-date", "2023-11-15")
QUERY = (
    "SELECT event, count(*) AS n, sum(amount) AS total, first(properties->'$.tags') AS tags FROM events GROUP BY event"
)


@pytest.fixture(autouse=True)
def directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(directory: pathlib.Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def test_sync_and_query(inside: Command, mp: AsyncMixpanel, emulator: Emulator, directory: pathlib.Path) -> None:
    """A lake is made and kept up to date, and queried into a table, text and files."""
    for number in range(6):
        await mp.import_event("ann", "Paid", {"amount": number, "tags": ["a", "b"]}, time=1_700_000_000 + number)
    await mp.flush()
    first = await inside(*SYNC, "--json", MIXPANEL_BASE_URL=emulator.url)
    assert (first.status, first.err) == (0, "")
    assert isinstance(first.json, dict)
    assert (first.json["events"], len(first.json["files"]), first.json["rewritten"]) == (6, 2, [])
    again = await inside(*SYNC, "--column", "amount:number", MIXPANEL_BASE_URL=emulator.url)
    assert (again.status, again.out) == (0, "")
    assert "2 files of earlier exports got other columns" in again.err
    assert "2 skipped (already complete)" in again.err
    table = await inside("sql", "lake", QUERY, "--format", "table")
    assert (table.status, table.err) == (0, "")
    assert [row.split() for row in table.out.splitlines()][::2] == [
        ["event", "n", "total", "tags"],
        ["Paid", "6", "15", '["a","b"]'],
    ]
    rows = await inside("sql", "lake", QUERY)
    assert rows.json == [{"event": "Paid", "n": 6, "total": 15, "tags": ["a", "b"]}]
    (directory / "query.sql").write_text(QUERY)
    text = await inside("sql", "lake", "@query.sql", "--format", "csv")
    assert text.out == 'event,n,total,tags\nPaid,6,15.0,"[""a"",""b""]"\n'


async def test_results_in_files(
    inside: Command, mp: AsyncMixpanel, emulator: Emulator, directory: pathlib.Path
) -> None:
    """The suffix says the format; a file appears when it is complete, and replaces another one only on request."""
    await mp.import_event("ann", "Paid", {"amount": 7}, time=1_700_000_000)
    await mp.flush()
    assert (await inside(*SYNC, MIXPANEL_BASE_URL=emulator.url)).status == 0
    for name in ("a.csv", "a.json", "a.ndjson", "a.parquet"):
        query = "SELECT i, event, properties FROM events, range(25000) t(i) ORDER BY i"
        ended = await inside("sql", "lake", query, "--output", name)
        assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert (directory / "a.csv").read_text().splitlines()[1].startswith('0,Paid,"{""time"":1700000000000')
    assert json.loads((directory / "a.json").read_text())[9]["properties"]["amount"] == 7
    assert len((directory / "a.ndjson").read_bytes().splitlines()) == 25_000
    read = pq.read_table(directory / "a.parquet")
    assert (read.num_rows, read.column("i").to_pylist()[-1]) == (25_000, 24_999)
    before = (directory / "a.csv").read_bytes()
    refused = await inside("sql", "lake", "SELECT 1", "--output", "a.csv")
    assert refused.status == 1
    assert "exists already" in refused.err
    failed = await inside("sql", "lake", "SELECT i / 0, error('no') FROM range(9) t(i)", "--output", "a.csv", "--force")
    assert (failed.status, failed.err) == (2, "mixpanel-async: the query fails: Invalid Input Error: no\n")
    assert (directory / "a.csv").read_bytes() == before
    assert (await inside("sql", "lake", "SELECT 1 AS one", "--output", "a.csv", "--force")).status == 0
    assert (directory / "a.csv").read_text() == "one\n1\n"
    assert names(directory) == {"lake", "a.csv", "a.json", "a.ndjson", "a.parquet"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT if(i > 30000, error('late'), i) AS n FROM range(50000) t(i)", "fails: Invalid Input Error: late"),
        ("SELECT INTERVAL 1 DAY AS i", "Parquet cannot hold a column of the query"),
        ("SELECT union_value(a := 1) AS u", "cast it, for example to VARCHAR"),
    ],
)
async def test_results_that_parquet_cannot_hold(
    query: str, words: str, inside: Command, emulator: Emulator, directory: pathlib.Path
) -> None:
    """A query that fails after many rows, and a column of a type that Parquet lacks, end with 2 and without a file."""
    await inside(*SYNC, MIXPANEL_BASE_URL=emulator.url)
    ended = await inside("sql", "lake", query, "--output", "a.parquet")
    assert (ended.status, words in ended.err) == (2, True)
    assert names(directory) == {"lake"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sql", "nothing", "SELECT 1"), "nothing is not a lake"),
        (("sql", "nothing", "COPY x TO 'y'"), "the query is invalid: it is COPY; give one SELECT"),
        (("sql", "nothing", "SELECT 1", "--output", "a.xlsx"), "nothing is not a lake"),
        (("sql", "nothing", "SELECT 1", "--output", "a.csv", "--format", "csv"), "--format and --output exclude"),
        (("sql", "nothing", "@none.sql"), "cannot read none.sql"),
        (("sync-export", "lake"), "--from-date is missing"),
        (
            ("sync-export", "lake", "--from-date", "2023-11-14", "--column", "Time"),
            "a lake has a column 'time' already",
        ),
        (("sync-export", "s3://b/l", "--from-date", "2023-11-14"), "is not on this machine; name a local directory"),
    ],
)
async def test_wrong_usage(arguments: tuple[str, ...], words: str, inside: Command) -> None:
    """Each error says what to do."""
    ended = await inside(*arguments)
    assert ended.status in {1, 2}
    assert words in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_long_query_is_interrupted(
    number: signal.Signals, inside: Command, emulator: Emulator, mixpanel: Script, directory: pathlib.Path
) -> None:
    """A query that would run for years ends with the signal, and the file of its result does not appear."""
    await inside(*SYNC, MIXPANEL_BASE_URL=emulator.url)
    query = "SELECT count(*) FROM range(100000000) a, range(100000000) b"
    process = await asyncio.create_subprocess_exec(
        *MODULE, "sql", "lake", query, "--output", "result.csv",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=account_environment(mixpanel.url),
    )  # fmt: skip
    async with asyncio.timeout(30):
        while names(directory) == {"lake"}:  # noqa: ASYNC110 - the query runs once the file has been begun
            await asyncio.sleep(0.01)
        process.send_signal(number)
        _, err = await process.communicate()
    assert (process.returncode, err) == (130, b"mixpanel-async: interrupted\n")
    assert names(directory) == {"lake"}
