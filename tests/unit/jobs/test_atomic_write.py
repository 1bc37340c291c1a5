"""Atomic file replacement."""

import os
import pathlib
import stat
from collections.abc import AsyncGenerator, Iterator

import pytest

from mixpanel_async.errors import OutputError
from mixpanel_async.jobs.atomic_write import replace_file, write_stream


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


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="the platform cannot refuse symbolic links")
async def test_no_symbolic_link_is_followed(tmp_path: pathlib.Path) -> None:
    """A link that someone planted under the temporary name does not redirect the write."""
    victim, target = tmp_path / "victim", tmp_path / "a"
    victim.write_bytes(b"precious")
    (tmp_path / ".a.partial").symlink_to(victim)
    with pytest.raises(OutputError):
        replace_file(target, (b"x",))
    with pytest.raises(OutputError):
        await write_stream(target, stream(b"x"), lines)
    assert victim.read_bytes() == b"precious"


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
