"""Atomic file replacement."""

import asyncio
import os
import pathlib
import stat
from collections.abc import AsyncGenerator, Iterator

import pytest

from mixpanel_async.errors import OutputError
from mixpanel_async.jobs.atomic_write import AtomicFile, replace_file, write_stream


async def stream(*blocks: bytes, error: Exception | None = None) -> AsyncGenerator[bytes]:
    for block in blocks:
        yield block
    if error is not None:
        raise error


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def lines(block: bytes) -> int:
    return block.count(b"\n")


async def test_a_file_is_private_and_has_its_content(tmp_path: pathlib.Path) -> None:
    """Both ways to write give a file that only its owner can read, and leave nothing beside it."""
    replaced, streamed = tmp_path / "a", tmp_path / "b"
    replace_file(replaced, (b"1\n", b"2\n"))
    assert await write_stream(streamed, stream(b"1\n", b"2\n"), lines) == (2, 4)
    for path in (replaced, streamed):
        assert path.read_bytes() == b"1\n2\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["a", "b"]


async def test_a_failed_write_leaves_the_old_content(tmp_path: pathlib.Path) -> None:
    """When the blocks raise, the target is as it was and nothing lies beside it."""
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def blocks() -> Iterator[bytes]:
        yield b"new"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replace_file(target, blocks())
    with pytest.raises(ZeroDivisionError):
        await write_stream(target, stream(b"new", error=ZeroDivisionError()), lines)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("plant", ["symbolic", "hard", "fifo", "leftover"])
async def test_no_planted_file_is_written(plant: str, tmp_path: pathlib.Path) -> None:
    """What lies under the temporary name, a link, a pipe or the rest of a killed run, is replaced and never written."""
    victim, target, partial = tmp_path / "victim", tmp_path / "a", tmp_path / ".a.partial"
    for write in (lambda: replace_file(target, (b"x",)), lambda: write_stream(target, stream(b"x"), lines)):
        victim.write_bytes(b"precious")
        if plant == "symbolic":
            partial.symlink_to(victim)
        elif plant == "hard":
            partial.hardlink_to(victim)
        elif plant == "fifo":
            os.mkfifo(partial)
        else:
            partial.write_bytes(b"half of")
        waiting = write()
        if waiting is not None:
            await waiting
        assert target.read_bytes() == b"x"
        assert victim.read_bytes() == b"precious"
        assert names(tmp_path) == ["a", "victim"]


def test_a_file_that_is_being_written_is_left_alone(tmp_path: pathlib.Path) -> None:
    """Of two that write the same file, the second one is told; the first one completes what it began."""
    target = tmp_path / "a"
    first = AtomicFile(target)
    first.write(b"first")
    with pytest.raises(OutputError, match="another process is writing it"):
        AtomicFile(target)
    first.commit()
    assert target.read_bytes() == b"first"
    AtomicFile(target).discard()
    assert names(tmp_path) == ["a"]


def test_a_stolen_partial_file_is_not_published(tmp_path: pathlib.Path) -> None:
    """If another file took the temporary name meanwhile, it does not appear as the target."""
    target, partial = tmp_path / "a", tmp_path / ".a.partial"
    file = AtomicFile(target)
    partial.unlink()
    partial.write_bytes(b"of somebody else")
    with pytest.raises(OutputError, match="another process"):
        file.commit()
    file.discard()
    assert names(tmp_path) == [".a.partial"]


def test_a_file_that_appeared_meanwhile_is_not_replaced(tmp_path: pathlib.Path) -> None:
    """Without permission to overwrite, a file that appears while the new one is written stays as it is."""
    target = tmp_path / "a"
    file = AtomicFile(target, overwrite=False)
    file.write(b"new")
    target.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        file.commit()
    file.discard()
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


async def test_a_write_that_is_cancelled_at_once_leaves_nothing(tmp_path: pathlib.Path) -> None:
    """A cancellation while the file is being created leaves no file behind."""
    task = asyncio.create_task(_written(tmp_path / "a"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == []


async def _written(target: pathlib.Path) -> None:
    await write_stream(target, stream(b"x"), lines)


async def test_an_error_names_the_target(tmp_path: pathlib.Path) -> None:
    """The error names the path that the caller gave, not the temporary file beside it."""
    target = tmp_path / "missing" / "a"
    with pytest.raises(OutputError) as caught:
        replace_file(target, (b"x",))
    assert str(caught.value) == f"cannot write {target}: No such file or directory"
    with pytest.raises(OutputError) as caught:
        await write_stream(target, stream(b"x"), lines)
    assert str(caught.value) == f"cannot write {target}: No such file or directory"


async def test_both_sync_the_file_and_its_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut the file has its new content under its name."""
    synced: list[bool] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    replace_file(tmp_path / "a", (b"x",))
    await write_stream(tmp_path / "b", stream(b"x"), lines)
    assert synced == [False, True, False, True]
