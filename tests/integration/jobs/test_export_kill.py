"""Exports into a directory that are killed at random moments and run again."""

import asyncio
import os
import pathlib
import random
import signal
import subprocess
import sys
from typing import Any

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount
from mixpanel_async.emulator import Emulator
from mixpanel_async.jobs.exports.outputs.formats import OutputFormat

KILLS = int(os.environ.get("KILL_TEST_EXPORT_KILLS", "2"))  # of each format
DAYS = [f"2023-11-{day}" for day in range(14, 20)]
EVENTS = 600

# Runs the command line, and kills the process at the Nth step of writing a file: opened, written, before the rename or
# after it.
KILLED_AT_STEP = """
import os, runpy, signal
from mixpanel_async.jobs.atomic_write import AtomicFile
left = int(os.environ["KILL_AT"])
def step():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
def counted(method):
    def run(*args, **options):
        step()
        result = method(*args, **options)
        step()
        return result
    return run
for name in ("__init__", "write", "commit", "_rename"):
    setattr(AtomicFile, name, counted(getattr(AtomicFile, name)))
runpy.run_module("mixpanel_async", run_name="__main__", alter_sys=True)
"""


async def run_and_kill(emulator: Emulator, folder: pathlib.Path, form: str, kill_at: int, *more: str) -> bool:
    """Export the days, and return whether the process was killed on the way."""
    command = ["export", "events", f"{folder}/", "--from-date", DAYS[0], "--to-date", DAYS[-1], "--format", form, *more]
    variables = {
        "KILL_AT": str(kill_at),
        "MIXPANEL_BASE_URL": emulator.url,
        "MIXPANEL_PROJECT_ID": "1",
        "MIXPANEL_SERVICE_ACCOUNT_USERNAME": "user",
        "MIXPANEL_SERVICE_ACCOUNT_SECRET": "secret",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_AT_STEP, *command, env={**os.environ, **variables}, stderr=subprocess.DEVNULL
    )
    return await process.wait() == -signal.SIGKILL


def content_of(folder: pathlib.Path) -> dict[str, Any]:
    """Return the files of a directory; the manifest without the moments of the exports."""
    found: dict[str, Any] = {path.name: path.read_bytes() for path in folder.iterdir()}
    manifest = orjson.loads(found["_manifest.json"])
    for entry in manifest["days"].values():
        del entry["exported_at"]
    return {**found, "_manifest.json": manifest}


@pytest.mark.parametrize("form", ["ndjson.gz", "parquet"])
async def test_killed_and_resumed(
    form: OutputFormat, emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """However often an export is killed, in the end its files are those of an export that nothing interrupted."""
    for index in range(EVENTS):
        time = 1_699_956_000 + index % len(DAYS) * 86_400
        await mp.import_event(f"u{index}", "Exported", {"n": index, "text": "x" * 50}, time=time)
    assert (await mp.flush(timeout=20)).is_complete
    account = ServiceAccount("user", "secret")
    chance = random.Random(11)
    killed = 0
    async with AsyncMixpanel(credentials=account, project_id=1, base_url=emulator.url) as client:
        await client.export.to_file(f"{tmp_path}/whole/", DAYS[0], DAYS[-1], format=form)
        for number in range(KILLS):
            more = ("--overwrite",) if number % 2 else ()  # a file that is there is replaced, too
            killed += await run_and_kill(emulator, tmp_path / "killed", form, chance.randrange(2, 40), *more)
        print(f"{form}: killed {killed} times")  # `pytest -rP` shows it
        assert killed > 0
        await client.export.to_file(tmp_path / "killed", DAYS[0], DAYS[-1], format=form)
    whole = content_of(tmp_path / "whole")
    assert len(whole) == len(DAYS) + 1
    assert content_of(tmp_path / "killed") == whole
