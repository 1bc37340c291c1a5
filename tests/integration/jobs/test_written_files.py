"""Existing files at the paths that a job writes."""

import asyncio
import os
import pathlib
from collections.abc import Callable

import orjson
import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError
from tests.records import event, ndjson

Write = Callable[[str, bytes], pathlib.Path]


@pytest.mark.parametrize("torn", [b'{"source":"x","number":1,"mess', b'{"source":"x","number":1}'])
async def test_letters_behind_a_torn_line(mp: AsyncMixpanel, write: Write, torn: bytes) -> None:
    """An incomplete last line of the dead letter file does not corrupt later dead letters."""
    path, dead, checkpoint = write("a.ndjson", b"bad\n"), write("dead", torn), write("a", b"").with_name("checkpoint")
    await mp.import_events(path, dead_letters=dead, checkpoint=checkpoint)
    first, second = dead.read_bytes().splitlines()
    assert (first, orjson.loads(second)["text"]) == (torn, "bad")
    dead.write_bytes(dead.read_bytes().rstrip(b"\n"))
    await mp.import_events(write("b.ndjson", b"worse\n"), dead_letters=dead)
    assert [orjson.loads(letter)["text"] for letter in dead.read_bytes().splitlines()[1:]] == ["bad", "worse"]


async def test_going_on_behind_a_torn_line(mp: AsyncMixpanel, emulator: Emulator, write: Write) -> None:
    """The earlier content of the file is unchanged when the import resumes."""
    path, dead = write("a.ndjson", b"bad\n" + ndjson([event(1)])), write("dead", b"torn")
    checkpoint = path.with_name("checkpoint")
    for _ in range(2):
        await mp.import_events(path, dead_letters=dead, checkpoint=checkpoint)
        first, second = dead.read_bytes().splitlines()
        assert (first, orjson.loads(second)["text"]) == (b"torn", "bad")
    assert len(await emulator.events()) == 1


@pytest.mark.parametrize("kind", ["fifo", "directory", "/dev/null", "/dev/full"])
async def test_a_checkpoint_that_is_no_file(mp: AsyncMixpanel, emulator: Emulator, write: Write, kind: str) -> None:
    """A checkpoint that is not a regular file is refused before it is read or written."""
    path = write("a.ndjson", ndjson([event(1)]))
    with pytest.raises(InvalidArgumentError, match="is not a regular file"):
        async with asyncio.timeout(10):
            await mp.import_events(path, checkpoint=made(path.with_name("checkpoint"), kind))
    assert not emulator.requests


@pytest.mark.parametrize("kind", ["fifo", "directory"])
async def test_dead_letters_that_are_no_file(mp: AsyncMixpanel, emulator: Emulator, write: Write, kind: str) -> None:
    """Dead letters go to a regular file or a device, never to a pipe, where opening would wait for a reader."""
    path = write("a.ndjson", ndjson([event(1)]))
    with pytest.raises(InvalidArgumentError, match="is not a regular file or a device"):
        async with asyncio.timeout(10):
            await mp.import_events(path, dead_letters=made(path.with_name("dead"), kind))
    assert not emulator.requests


async def test_dead_letters_that_go_to_a_device(mp: AsyncMixpanel, write: Write) -> None:
    """A device is written to, and not replaced when the import resumes."""
    path = write("a.ndjson", b"bad\n" + ndjson([event(1)]))
    (link := path.with_name("dead")).symlink_to(os.devnull)
    for _ in range(2):
        report = await mp.import_events(path, dead_letters=link, checkpoint=path.with_name("checkpoint"))
        assert (report.imported, report.rejected) == (1, 1)
        assert link.is_symlink()


def made(path: pathlib.Path, kind: str) -> pathlib.Path:
    """Make what is not a regular file."""
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case _:
            if not pathlib.Path(kind).exists():
                pytest.skip("there is no such device here")
            return pathlib.Path(kind)
    return path
