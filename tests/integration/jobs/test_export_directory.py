"""Exports into a directory: one file a day, a manifest, and nothing left out for ever."""

import asyncio
import datetime as dt
import hashlib
import os
import pathlib
import sys
import uuid
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, ExportProgress, ProjectSecret
from mixpanel_async.errors import BadRequestError, InvalidArgumentError, OutputError, TruncatedReplyError
from mixpanel_async.jobs.atomic_write import AtomicFile
from tests.export_server import ExportServer
from tests.virtual_time import FastClock

FIRST, LAST = "2023-11-14", "2023-11-17"
DAYS = ["2023-11-14", "2023-11-15", "2023-11-16", "2023-11-17"]
FORMATS = ["ndjson", "csv.gz", "parquet"]


class DayClock(FastClock):
    """A clock on which it is a certain time."""

    def __init__(self, now: str) -> None:
        super().__init__(1000)
        self.now = dt.datetime.fromisoformat(now).timestamp()
        self.time = lambda: self.now


LATER = "2023-12-01T00:00:00+00:00"


def line(day: str, number: int) -> bytes:
    time = int(dt.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) + number
    own = {"time": time, "distinct_id": "u", "$insert_id": f"{day}-{number}", "n": number}
    return orjson.dumps({"event": "E", "properties": own})


def full_server() -> ExportServer:
    return ExportServer({day: [line(day, n) for n in range(100 + index)] for index, day in enumerate(DAYS)})


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def manifest_of(folder: pathlib.Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((folder / "_manifest.json").read_bytes())
    return found


@pytest.mark.parametrize("form", FORMATS)
async def test_each_day_has_a_file_and_an_entry(form: str, tmp_path: pathlib.Path) -> None:
    """The manifest says what the files are, and an import of the directory reads the days and nothing else."""
    server = full_server()
    async with server.client(DayClock(LATER)) as client:
        report = await client.export.to_file(f"{tmp_path}/new/", FIRST, LAST, format=form, timezone="Europe/Berlin")  # type: ignore[arg-type]
        folder = tmp_path / "new"
        assert names(folder) == [*(f"{day}.{form}" for day in DAYS), "_manifest.json"]
        assert report.files == [str(folder / f"{day}.{form}") for day in DAYS]
        assert (report.events, report.skipped, report.unfinished, report.cut) == (406, [], [], [])
        found = manifest_of(folder)
        assert found["contents"]["format"] == form
        assert found["timezone"] == "Europe/Berlin"
        for index, (day, entry) in enumerate(found["days"].items()):
            content = (folder / f"{day}.{form}").read_bytes()
            assert entry == {
                "file": f"{day}.{form}",
                "rows": 100 + index,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "exported_at": "2023-12-01T00:00:00Z",
                "is_over": True,
            }
        assert report.written_bytes == sum(entry["bytes"] for entry in found["days"].values())
        assert (await client.import_events(folder)).imported == 406
    assert (folder / "_manifest.json").stat().st_mode & 0o077 == 0


async def test_a_day_is_final_after_the_lookback(tmp_path: pathlib.Path) -> None:
    """A day that was not over, or may get late events, is exported again and replaced; a final one is not asked for."""
    server = full_server()
    clock = DayClock("2023-11-17T05:00:00+00:00")
    async with server.client(clock) as client:
        report = await client.export.to_file(tmp_path, FIRST, LAST, timezone="UTC", lookback_days=1)
        assert report.unfinished == ["2023-11-17"]
        server.days[LAST] = [*server.days[LAST], line(LAST, 999)]
        server.asked.clear()
        clock.now += 86_400
        report = await client.export.to_file(tmp_path, FIRST, LAST, timezone="UTC", lookback_days=1)
        assert sorted(server.asked) == [(day, day) for day in DAYS[2:]]
        assert [pathlib.Path(file).stem for file in report.skipped] == DAYS[:2]
        assert [pathlib.Path(file).stem for file in report.refetched] == DAYS[2:]
        assert (report.events, report.unfinished) == (102 + 104, [])
        assert b"2023-11-17-999" in (tmp_path / f"{LAST}.ndjson").read_bytes()
        assert manifest_of(tmp_path)["days"][LAST]["rows"] == 104
        report = await client.export.to_file(tmp_path, FIRST, LAST, overwrite=True)
        assert (len(report.files), len(report.refetched)) == (4, 4)


async def test_a_longer_range_and_a_lost_file(tmp_path: pathlib.Path) -> None:
    """Only days that are missing, or whose file is not the one that was written, are asked for."""
    server = full_server()
    async with server.client(DayClock(LATER)) as client:
        await client.export.to_file(tmp_path, FIRST, "2023-11-15")
        server.asked.clear()
        await client.export.to_file(tmp_path, FIRST, LAST)
        assert sorted(server.asked) == [(day, day) for day in DAYS[2:]]
        server.asked.clear()
        (tmp_path / f"{DAYS[1]}.ndjson").unlink()
        with (tmp_path / f"{DAYS[2]}.ndjson").open("ab") as file:
            file.write(b"more")
        await client.export.to_file(tmp_path, FIRST, LAST)
        assert sorted(server.asked) == [(day, day) for day in DAYS[1:3]]
        assert (await client.import_events(tmp_path)).imported == 406


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"event": "E"}, "event was not set and is E"),
        ({"where": 'properties["n"] > 1'}, "where was not set"),
        ({"limit": 7}, "limit was not set and is 7"),
        ({"time_in_ms": True}, "time_in_ms was False and is True"),
        ({"project_id": 2}, "project was"),
        ({"format": "csv"}, "format was ndjson and is csv"),
    ],
)
async def test_another_export_is_refused(options: dict[str, object], words: str, tmp_path: pathlib.Path) -> None:
    """With other options, or of another project, the directory stays as it is and nothing is asked for."""
    server = full_server()
    async with server.client(DayClock(LATER)) as client:
        await client.export.to_file(tmp_path, FIRST, "2023-11-15")
        before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
        server.asked.clear()
        for overwrite in (False, True):
            with pytest.raises(InvalidArgumentError, match=words):
                await client.export.to_file(tmp_path, FIRST, LAST, overwrite=overwrite, **options)  # type: ignore[arg-type]
    assert server.asked == []
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


async def test_what_a_killed_run_left_is_removed(tmp_path: pathlib.Path) -> None:
    """The partial file of a day that is complete meanwhile goes; files of somebody else stay."""
    server = full_server()
    async with server.client(DayClock(LATER)) as client:
        await client.export.to_file(tmp_path, FIRST, FIRST)
        for name in (".2023-11-14.ndjson.partial", "._manifest.json.partial", ".notes.partial"):
            (tmp_path / name).write_bytes(b"half")
        await client.export.to_file(tmp_path, FIRST, FIRST)
    assert names(tmp_path) == [".notes.partial", "2023-11-14.ndjson", "_manifest.json"]


async def test_another_credential_or_server_is_another_export(tmp_path: pathlib.Path) -> None:
    """Where no project ID is known, the credential names the project; the manifest does not hold the secret."""
    server = full_server()
    async with server.client(DayClock(LATER)) as client:
        await client.export.to_file(tmp_path, FIRST, FIRST)
    assert b"secret" not in (tmp_path / "_manifest.json").read_bytes()
    for options in ({"credentials": ProjectSecret("another-secret-0")}, {"base_url": "http://localhost:1"}):
        given = {"credentials": ProjectSecret("secret-of-the-project"), **options}
        async with AsyncMixpanel(transport=server, **given) as other:  # type: ignore[arg-type]
            with pytest.raises(InvalidArgumentError, match=r"holds another export: (project|server) was"):
                await other.export.to_file(tmp_path, FIRST, FIRST)


async def test_the_same_options_in_another_form(tmp_path: pathlib.Path) -> None:
    """One event as text or in a list is the same export."""
    server = full_server()
    async with server.client(DayClock(LATER)) as client:
        await client.export.to_file(tmp_path, FIRST, LAST, event=["B", "E"])
        report = await client.export.to_file(tmp_path, FIRST, LAST, event='["E","B"]')
        assert len(report.skipped) == 4


async def test_format_and_columns_need_not_be_repeated(tmp_path: pathlib.Path) -> None:
    """A directory goes on in its format and with its columns; a manifest that cannot be read is said, not replaced."""
    server = full_server()
    async with server.client(DayClock(LATER)) as client:
        await client.export.to_file(tmp_path, FIRST, "2023-11-15", format="parquet", columns=["n:integer"])
        report = await client.export.to_file(tmp_path, FIRST, LAST)
        assert (len(report.skipped), [pathlib.Path(file).suffix for file in report.files]) == (2, [".parquet"] * 2)
        assert manifest_of(tmp_path)["contents"]["columns"] == ["n:integer"]
        (tmp_path / "_manifest.json").write_bytes(b"{")
        with pytest.raises(InvalidArgumentError, match=r"_manifest\.json cannot be read"):
            await client.export.to_file(tmp_path, FIRST, LAST)


async def test_days_of_an_older_version_are_refused(tmp_path: pathlib.Path) -> None:
    """Files of days without a manifest are not adopted, and not replaced."""
    (tmp_path / "2023-11-14.ndjson").write_bytes(b"")
    server = full_server()
    async with server.client() as client:
        for overwrite in (False, True):
            with pytest.raises(InvalidArgumentError, match=r"no _manifest\.json.* move the files away"):
                await client.export.to_file(tmp_path, FIRST, LAST, overwrite=overwrite)
    assert names(tmp_path) == ["2023-11-14.ndjson"]


async def test_a_cut_day_is_asked_for_again_alone(tmp_path: pathlib.Path) -> None:
    """A truncated reply repeats its day and no other; a day that never becomes whole ends the export, others stay."""
    server = full_server()
    server.cut[DAYS[1]] = 2
    async with server.client(DayClock(LATER)) as client:
        report = await client.export.to_file(tmp_path, FIRST, "2023-11-16")
        assert report.events == 100 + 101 + 102
        assert sorted(server.asked) == [(day, day) for day in (DAYS[0], *DAYS[1:2] * 3, DAYS[2])]
        server.cut[LAST] = 99
        with pytest.raises(TruncatedReplyError):
            await client.export.to_file(tmp_path, FIRST, LAST)
        assert names(tmp_path) == [*(f"{day}.ndjson" for day in DAYS[:3]), "_manifest.json"]


async def test_days_are_asked_for_together_but_not_all(tmp_path: pathlib.Path) -> None:
    """At most as many days are under way as the option says."""
    server = full_server()
    server.piece_bytes = 100
    for concurrency in (1, 3):
        async with server.client(DayClock(LATER)) as client:
            await client.export.to_file(f"{tmp_path}/{concurrency}/", FIRST, LAST, concurrency=concurrency)
        assert server.most_at_once <= concurrency
        assert sorted(server.asked) == [(day, day) for day in DAYS]
        server.asked.clear()


async def test_an_error_ends_all_days(tmp_path: pathlib.Path) -> None:
    """The first refusal is raised as it is; what was complete stays, and the directory can be used again at once."""
    server = full_server()
    server.refuse = lambda day: (400, b'{"error":"no"}') if day == DAYS[2] else None
    async with server.client(DayClock(LATER)) as client:
        with pytest.raises(BadRequestError):
            await client.export.to_file(tmp_path, FIRST, LAST, concurrency=1)
        assert names(tmp_path) == [*(f"{day}.ndjson" for day in DAYS[:2]), "_manifest.json"]
        server.refuse = lambda _: None
        assert len((await client.export.to_file(tmp_path, FIRST, LAST)).skipped) == 2


async def test_a_limit_that_cut_is_said(tmp_path: pathlib.Path) -> None:
    """Days with as many events as the limit are named, in a directory and in a file."""
    server = full_server()
    async with server.client(DayClock(LATER)) as client:
        report = await client.export.to_file(f"{tmp_path}/a/", FIRST, LAST, limit=102)
        assert report.cut == DAYS[2:]
        assert (await client.export.to_file(tmp_path / "b.csv", FIRST, LAST, limit=5)).cut == [f"{FIRST} to {LAST}"]


async def test_two_exports_do_not_write_one_directory(tmp_path: pathlib.Path) -> None:
    """The second export, of this or of another process, is refused and names the process; a dead one does not count."""
    server = full_server()
    code = (
        "import sys; from mixpanel_async.jobs.exports.outputs.files import DiskFolder\n"
        "DiskFolder(sys.argv[1]).create(); print(flush=True); sys.stdin.read()"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout is not None
    await other.stdout.readline()
    async with server.client(DayClock(LATER)) as client:
        with pytest.raises(InvalidArgumentError, match=f"in use by process {other.pid}; .* another directory"):
            await client.export.to_file(tmp_path, FIRST, LAST)
        other.kill()
        await other.communicate()
        both = [client.export.to_file(tmp_path, FIRST, LAST) for _ in range(2)]
        results = await asyncio.gather(*both, return_exceptions=True)
        assert [isinstance(result, InvalidArgumentError) for result in results].count(True) == 1
    assert names(tmp_path) == [*(f"{day}.ndjson" for day in DAYS), "_manifest.json"]


async def test_progress(tmp_path: pathlib.Path) -> None:
    """The progress counts days and events, and ends with all of them; an exception of the function changes nothing."""
    server = full_server()
    seen: list[ExportProgress] = []

    def note(progress: ExportProgress) -> None:
        seen.append(progress)
        raise ZeroDivisionError

    async with server.client(DayClock(LATER)) as client:
        await client.export.to_file(tmp_path, FIRST, FIRST)
        report = await client.export.to_file(tmp_path, FIRST, LAST, on_progress=note)
    assert (seen[-1].files, seen[-1].total_files, seen[-1].skipped, seen[-1].events) == (3, 3, 1, report.events)
    assert [each.events for each in seen] == sorted(each.events for each in seen)


async def test_a_directory_in_a_store(tmp_path: pathlib.Path) -> None:
    """A prefix of a store has the same files and rules, and no lock."""
    del tmp_path
    server = full_server()
    address = f"memory://{uuid.uuid4().hex}/events/"
    async with server.client(DayClock(LATER)) as client:
        await client.export.to_file(address, FIRST, "2023-11-15", format="parquet")
        report = await client.export.to_file(address, FIRST, LAST, format="parquet")
        assert report.files == [f"{address}{day}.parquet" for day in DAYS[2:]]
        assert len(report.skipped) == 2
        assert (await client.import_events(address)).imported == 406
        with pytest.raises(InvalidArgumentError, match="format was parquet and is csv"):
            await client.export.to_file(address, FIRST, LAST, format="csv")


@pytest.mark.parametrize("moment", ["before the file", "after the file", "in the manifest"])
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_crash_leaves_nothing_half(
    moment: str, is_first: bool, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a run ends, each file is whole, an entry is that of its file, and the next run completes the rest."""
    server = full_server()
    async with server.client(DayClock(LATER)) as client:
        if not is_first:
            await client.export.to_file(tmp_path, FIRST, LAST)
            server.days = {day: [*lines, line(day, 5000)] for day, lines in server.days.items()}
        fail = _failing(moment, DAYS[1])
        monkeypatch.setattr(AtomicFile, "commit", fail)
        with pytest.raises(OutputError, match="no space"):
            await client.export.to_file(tmp_path, FIRST, LAST, concurrency=1, overwrite=not is_first)
        monkeypatch.undo()
        for day, entry in manifest_of(tmp_path)["days"].items():
            content = (tmp_path / f"{day}.ndjson").read_bytes()
            assert (entry["bytes"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert not [name for name in names(tmp_path) if name.endswith(".partial")]
        await client.export.to_file(tmp_path, FIRST, LAST, overwrite=not is_first)
        for day in DAYS:
            assert (tmp_path / f"{day}.ndjson").read_bytes().splitlines() == server.days[day]


def _failing(moment: str, day: str) -> Callable[[AtomicFile], None]:
    """Return a commit that fails once, around the file of a day."""
    real = AtomicFile.commit
    state = {"seen": False}

    def commit(file: AtomicFile) -> None:
        name = os.path.basename(file._target)  # noqa: PTH119
        if name == f"{day}.ndjson":
            if moment == "before the file":
                raise OutputError("no space")
            real(file)
            state["seen"] = True
            if moment == "after the file":
                raise OutputError("no space")
        elif state["seen"]:
            raise OutputError("no space")
        else:
            real(file)

    return commit


async def test_a_cancelled_export_can_be_resumed(tmp_path: pathlib.Path) -> None:
    """Whenever an export is cancelled, no partial file and no lock is left, and the next run completes the days."""
    server = full_server()
    server.piece_bytes = 300
    async with server.client(DayClock(LATER)) as client:
        for turns in (0, 1, 3, 10, 30, 100):
            task = asyncio.create_task(client.export.to_file(f"{tmp_path}/days/", FIRST, LAST, format="csv.gz"))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            left = await asyncio.to_thread(lambda: names(tmp_path / "days") if (tmp_path / "days").exists() else [])
            assert not [name for name in left if name.startswith(".")]
        report = await client.export.to_file(f"{tmp_path}/days/", FIRST, LAST, format="csv.gz")
        assert len(report.files) + len(report.skipped) == 4
        assert (await client.import_events(tmp_path / "days")).imported == 406
