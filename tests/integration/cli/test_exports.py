"""The commands `export events` and `export profiles`, as their users run them."""

import pathlib

import orjson

from mixpanel_async.emulator import Emulator, InjectedFault
from tests.integration.cli.conftest import Run

LINES = [
    orjson.dumps(
        {"event": "E", "properties": {"time": 1_700_000_000 + n, "distinct_id": "u", "$insert_id": f"i{n}", "n": n}}
    )
    for n in range(50)
]


ACCOUNT = {
    "MIXPANEL_TOKEN": "",
    "MIXPANEL_PROJECT_ID": "1",
    "MIXPANEL_SERVICE_ACCOUNT_USERNAME": "user",
    "MIXPANEL_SERVICE_ACCOUNT_SECRET": "secret",
}
DAY = ("--from", "2023-11-14", "--to", "2023-11-14")


async def fill(run: Run) -> None:
    assert (await run("import", "events", "-", given=b"\n".join(LINES), env=ACCOUNT)).status == 0


def numbers(text: bytes) -> list[int]:
    return sorted(orjson.loads(line)["properties"]["n"] for line in text.splitlines())


async def test_to_a_file_and_to_standard_output(run: Run, tmp_path: pathlib.Path) -> None:
    """An export writes the imported events to a file or standard output, and the report adds up."""
    await fill(run)
    ended = await run("export", "events", "out.ndjson", *DAY, "--json", env=ACCOUNT)
    assert (ended.status, orjson.loads(ended.out)["events"]) == (0, 50)
    assert numbers((tmp_path / "out.ndjson").read_bytes()) == list(range(50))
    piped = await run("export", "events", "-", *DAY, "--event", "E", env=ACCOUNT)
    assert (piped.status, numbers(piped.out.encode())) == (0, list(range(50)))


async def test_an_export_goes_in_again(run: Run, emulator: Emulator) -> None:
    """An import reads an export unchanged, which moves a project."""
    await fill(run)
    await run("export", "events", "out.ndjson", *DAY, env=ACCOUNT)
    ended = await run("import", "events", "out.ndjson", "--json", env=ACCOUNT)
    assert (ended.status, orjson.loads(ended.out)["imported"]) == (0, 50)
    assert len(await emulator.deduplicated_events()) == 50


async def test_an_export_that_ends_early(run: Run, emulator: Emulator) -> None:
    """An incomplete export ends with status 1 and one line that says why."""
    await fill(run)
    emulator.faults.add(InjectedFault(path="/api/2.0/export", kind="truncate", variant="terminated_line", times=None))
    ended = await run("export", "events", "-", *DAY, env=ACCOUNT)
    assert ended.status == 1
    assert "ended early" in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_wrong_dates(run: Run) -> None:
    """An invalid date is reported in one line."""
    ended = await run("export", "events", "-", "--from", "yesterday", "--to", "2023-11-14", env=ACCOUNT)
    assert ended.status == 2
    assert "from_date" in ended.err


async def test_days_in_a_directory(run: Run, tmp_path: pathlib.Path) -> None:
    """The command says what it wrote, what it left, and that a day is not over; other options end with status 2."""
    await fill(run)
    days = ("--from-date", "2023-11-14", "--to-date", "2023-11-15", "--format", "parquet", "--column", "n:integer")
    ended = await run("export", "events", "days/", *days, env=ACCOUNT)
    assert (ended.status, ended.out) == (0, "")
    assert "50 events" in ended.err
    assert "kB in 2 files" in ended.err
    again = await run("export", "events", "days", *days[:4], env=ACCOUNT)
    assert "0 events, 2 skipped (already complete)" in again.err
    other = await run("export", "events", "days", *days, "--event", "E", env=ACCOUNT)
    assert other.status == 2
    assert "event was not set and is E; name another directory" in other.err
    assert sorted(path.name for path in (tmp_path / "days").iterdir()) == [
        "2023-11-14.parquet", "2023-11-15.parquet", "_manifest.json",
    ]  # fmt: skip
    ended = await run("import", "events", "days", "--json", env=ACCOUNT)
    assert orjson.loads(ended.out)["imported"] == 50


async def test_what_is_said_of_a_file(run: Run, tmp_path: pathlib.Path) -> None:
    """An existing file stays without --overwrite; a limit that cut, and a day that is not over, are said."""
    await fill(run)
    assert (await run("export", "events", "a.csv", *DAY, "--limit", "7", "--json", env=ACCOUNT)).err.endswith(
        "the limit may have cut 2023-11-14: omit --limit for all events\n"
    )
    ended = await run("export", "events", "a.csv", *DAY, env=ACCOUNT)
    assert (ended.status, "a.csv: it exists already" in ended.err) == (1, True)
    assert (await run("export", "events", "a.csv", *DAY, "--overwrite", env=ACCOUNT)).status == 0
    assert len((tmp_path / "a.csv").read_bytes().split(b"\r\n")) == 52
    later = ("--from-date", "2023-11-14", "--to-date", "2199-01-01")
    assert (
        "2199-01-01 is not over in every time zone" in (await run("export", "events", "b.csv", *later, env=ACCOUNT)).err
    )
    said = await run("export", "events", "c.csv", *later, "--timezone", "Europe/Berlin", env=ACCOUNT)
    assert "2199-01-01 is not over: export again later" in said.err
    ended = await run("export", "events", "a.parquet.gz", *DAY, env=ACCOUNT)
    assert (ended.status, "omit .gz" in ended.err) == (2, True)
    piped = await run("export", "events", "-", *DAY, "--format", "csv", env=ACCOUNT)
    assert (piped.status, piped.out.splitlines()[0]) == (0, "event,time,distinct_id,insert_id,properties")


PROFILES = b"".join(b'{"$distinct_id":"user-%d","$set":{"n":%d,"plan":"pro"}}\n' % (n, n) for n in range(1500))
WITH_TOKEN = {**ACCOUNT, "MIXPANEL_TOKEN": "token"}


async def test_profiles_go_out_and_in_again(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """All profiles are exported to a file or standard output, and an import reads them unchanged."""
    assert (await run("import", "profiles", "-", given=PROFILES, env=WITH_TOKEN)).status == 0
    ended = await run("export", "profiles", "out.ndjson", "--json", env=ACCOUNT)
    assert (ended.status, orjson.loads(ended.out)["profiles"]) == (0, 1500)
    piped = await run("export", "profiles", "-", "--where", 'properties["n"] < 3', "--property", "n", env=ACCOUNT)
    assert (piped.status, sorted(orjson.loads(line)["$properties"]["n"] for line in piped.out.splitlines())) == (
        0, [0, 1, 2],
    )  # fmt: skip
    assert orjson.loads(piped.out.splitlines()[0]).keys() == {"$distinct_id", "$properties"}
    out = (tmp_path / "out.ndjson").read_bytes()
    exported = {one["$distinct_id"]: one["$properties"] for one in map(orjson.loads, out.splitlines())}
    assert exported.keys() == (await emulator.profiles()).keys()
    async with Emulator() as other:
        env = {**WITH_TOKEN, "MIXPANEL_BASE_URL": other.url}
        moved = await run("import", "profiles", "out.ndjson", "--json", env=env)
        assert (moved.status, orjson.loads(moved.out)["imported"]) == (0, 1500)
        assert await other.profiles() == exported
    assert not (tmp_path / ".out.ndjson.partial").exists()


async def test_profiles_that_are_not_all_there(run: Run, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """If a page fails, the status is 1, one line says why, and no file appears."""
    assert (await run("import", "profiles", "-", given=PROFILES, env=WITH_TOKEN)).status == 0
    emulator.faults.add(InjectedFault(path="/api/query/engage", kind="status", status=400, after=1, times=None))
    for path in ("out.ndjson", "-"):
        ended = await run("export", "profiles", path, env=ACCOUNT)
        assert ended.status == 1
        assert "400" in ended.err
        assert len(ended.err.splitlines()) == 1
        emulator.faults.clear()
        emulator.faults.add(InjectedFault(path="/api/query/engage", kind="status", status=400, after=1, times=None))
    assert not (tmp_path / "out.ndjson").exists()
