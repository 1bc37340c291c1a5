"""Disks that fill up while a job runs."""

import asyncio
import pathlib
from collections.abc import Callable
from typing import BinaryIO, cast

import msgspec
import pytest

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import OutputError
from mixpanel_async.jobs.state.checkpoint import Checkpoint
from mixpanel_async.jobs.state.journal import Journal
from tests.records import event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
FULL = pathlib.Path("/dev/full")


class FullOnce:
    """A file on a disk that is full at the first write, and has room again afterwards."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_full = True

    def writelines(self, lines: list[bytes]) -> None:
        if self._is_full:
            self._is_full = False
            raise OSError(28, "No space left on device")
        self._file.writelines(lines)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


@pytest.mark.skipif(not FULL.exists(), reason="there is no such device here")
async def test_dead_letters_while_records_wait_for_room(emulator: Emulator, write: Write) -> None:
    """A full disk ends a job whose records wait for buffer space, after delivering the records before."""
    emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=0.3, times=None))
    path = write("a.ndjson", b"bad\n" * 20 + ndjson([event(number, x="x" * 400) for number in range(300)]))
    settings = Settings(max_batch_bytes=10_000, max_buffer_bytes=40_000, linger_seconds=0.05)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp, asyncio.timeout(10):
        with pytest.raises(OutputError, match="cannot write /dev/full") as caught:
            await mp.import_events(path, dead_letters=FULL)
        stats = mp.stats
    assert any("records read" in note for note in caught.value.__notes__)
    assert stats.queued == stats.in_flight == 0


async def test_no_checkpoint_moves_over_letters_that_are_lost(
    mp: AsyncMixpanel, emulator: Emulator, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If dead letters cannot be written, the next run reads their records again and writes all of them."""
    emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=0.3))
    path = write("a.ndjson", b"bad\n" * 50 + ndjson([event(1)]))
    checkpoint, dead = path.with_name("checkpoint"), path.with_name("dead")
    opened = Journal._open

    def open_full(self: Journal) -> Checkpoint:
        found = opened(self)
        self._file = cast("BinaryIO", FullOnce(cast("BinaryIO", self._file)))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_open", open_full)
        with pytest.raises(OutputError, match=r"cannot write .*dead: No space left"):
            await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
    assert msgspec.json.decode(checkpoint.read_bytes(), type=Checkpoint).counts.rejected == {}
    report = await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
    assert (report.imported, report.rejected) == (1, 50)
    assert len(dead.read_bytes().splitlines()) == 50


@pytest.mark.skipif(not FULL.exists(), reason="there is no such device here")
async def test_closing_a_file_on_a_full_disk(mp: AsyncMixpanel, write: Write) -> None:
    """An error when the file is closed is reported like one before."""
    path = write("a.ndjson", b"bad\n" * 3)
    with pytest.raises(OutputError, match="cannot write"):
        await mp.import_events(path, dead_letters=FULL)
