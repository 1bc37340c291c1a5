"""What a checkpoint is protected from: other processes, damage, changed sources, pipes."""

import asyncio
import hashlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable

import msgspec
import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError, SourceError
from mixpanel_async.jobs.state.checkpoint import Checkpoint, JobIdentity, read_checkpoint
from mixpanel_async.jobs.state.lock_file import LockFile
from tests.records import event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
HEADER = b"event,time,distinct_id,$insert_id\n"


def lines(count: int) -> bytes:
    return ndjson([event(number) for number in range(count)])


async def test_a_checkpoint_has_one_user(emulator: Emulator, mp: AsyncMixpanel, write: Write) -> None:
    """A second job with the same checkpoint is refused with the first one's process, and sends nothing."""
    path, checkpoint = write("a.ndjson", lines(3)), write("x", b"").with_name("c")
    lock = LockFile(str(checkpoint))
    lock.acquire()
    with pytest.raises(InvalidArgumentError, match=f"in use by process {os.getpid()}"):
        await mp.import_events(path, checkpoint=checkpoint)
    assert not emulator.requests
    lock.release()
    assert (await mp.import_events(path, checkpoint=checkpoint)).imported == 3
    assert {each.name for each in path.parent.iterdir()} == {"a.ndjson", "x", "c"}


def test_a_lock_ends_with_its_process(tmp_path: pathlib.Path) -> None:
    """The lock of a killed process does not stop the next one."""
    path = str(tmp_path / "c")
    code = (
        "import os, sys; from mixpanel_async.jobs.state.lock_file import LockFile\n"
        f"LockFile({path!r}).acquire(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == -9
    lock = LockFile(path)
    lock.acquire()
    lock.release()
    assert not list(tmp_path.iterdir())


async def test_one_changed_byte_is_found(mp: AsyncMixpanel, write: Write) -> None:
    """No changed byte of a checkpoint is taken with another meaning."""
    path = write("a.ndjson", lines(3) + b"oops\n")
    checkpoint = path.with_name("c")
    await mp.import_events(path, checkpoint=checkpoint)
    text = checkpoint.read_bytes()
    sound = read_checkpoint("c", text, _job(text))
    for position in range(len(text)):
        for sign in b'0"x':
            changed = text[:position] + bytes([sign]) + text[position + 1 :]
            try:
                found = read_checkpoint("c", changed, sound.job)
            except InvalidArgumentError:
                continue
            assert (found.position, found.counts, found.dead_letters_start, found.is_done) == (
                sound.position,
                sound.counts,
                sound.dead_letters_start,
                sound.is_done,
            )


def _job(text: bytes) -> JobIdentity:
    return msgspec.json.decode(text, type=Checkpoint).job


@pytest.mark.parametrize("change", ["content", "another file", "beginning"])
async def test_a_source_that_changed(mp: AsyncMixpanel, write: Write, change: str) -> None:
    """A source that was written again, or replaced, is refused, although its size and its beginning are the same."""
    path = write("a.ndjson", lines(2000))
    await mp.import_events(path, checkpoint=path.with_name("c"))
    times = path.stat()
    if change == "another file":
        other = write("b.ndjson", path.read_bytes().replace(b"id-1999", b"id-2999"))
        os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
        other.replace(path)
    else:
        old, new = (b"id-1999", b"id-2999") if change == "content" else (b"id-0", b"id-9")
        path.write_bytes(path.read_bytes().replace(old, new, 1))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1_000_000))
    with pytest.raises(InvalidArgumentError, match="has changed since"):
        await mp.import_events(path, checkpoint=path.with_name("c"))


async def test_a_pipe_is_refused_unread(mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A checkpoint for a pipe is refused at once, even if nobody writes to the pipe."""
    os.mkfifo(tmp_path / "pipe")
    async with asyncio.timeout(5):
        with pytest.raises(InvalidArgumentError, match="is not a regular file"):
            await mp.import_events(tmp_path / "pipe", checkpoint=tmp_path / "c", format="ndjson")


async def test_a_stop_ends_a_job_whose_source_does_not_open(mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A job that waits for a source to open ends when it is stopped."""
    os.mkfifo(tmp_path / "pipe")
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    async with asyncio.timeout(5):
        with pytest.raises(SourceError, match="stopped before the source was open"):
            await mp.import_events(tmp_path / "pipe", format="ndjson", stop=stop)
    os.close(os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK))  # a writer lets the thread go


async def test_a_link_to_a_folder_above(mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A pattern with ** reads each file once, although a link leads to its own folder."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.ndjson").write_bytes(lines(3))
    (tmp_path / "inner" / "again").symlink_to(tmp_path)
    report = await mp.import_events(tmp_path / "**" / "*.ndjson", dry_run=True)
    assert report.read == 3


async def test_all_headers_come_first(emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A table without a required column is found before anything of the other ones is sent."""
    (tmp_path / "a.csv").write_bytes(HEADER + b"A,1700000000,u,i\n")
    (tmp_path / "b.csv").write_bytes(b"event,time\nA,1\n")
    with pytest.raises(InvalidArgumentError, match=r"b\.csv: .*has no column"):
        await mp.import_events(tmp_path)
    assert not emulator.requests


async def test_headers_in_archives_come_first(emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A member of an archive without a required column is found before anything of the other ones is sent."""
    members = {"a.csv": HEADER + b"A,1700000000,u,i\n" * 3000, "b.csv": b"event,time\nA,1\n"}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name, content in members.items():
            archive.writestr(name, content)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    for name in ("a.zip", "a.tar.gz"):
        with pytest.raises(InvalidArgumentError, match=r"b\.csv: .*has no column"):
            await mp.import_events(tmp_path / name)
    assert not emulator.requests


async def test_a_pipe_among_tables_is_read_once(mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """The header of a pipe is not looked at in advance: what is read of a pipe is gone."""
    (tmp_path / "a.csv").write_bytes(HEADER + b"A,1700000000,u,i\n")
    os.mkfifo(tmp_path / "b.csv")
    writer = os.open(tmp_path / "b.csv", os.O_RDWR)
    os.write(writer, HEADER + b"A,1700000000,u,j\nA,1700000000,u,k\n")
    asyncio.get_running_loop().call_later(0.5, os.close, writer)
    report = await mp.import_events([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")])
    assert (report.error, report.imported) == ("", 3)


async def test_dead_letters_are_private(mp: AsyncMixpanel, write: Write) -> None:
    """Dead letters hold records: only their owner can read them."""
    path = write("a.ndjson", b"oops\n")
    await mp.import_events(path, dead_letters=path.with_name("letters"))
    assert path.with_name("letters").stat().st_mode & 0o777 == 0o600


async def test_a_checkpoint_without_later_fields(mp: AsyncMixpanel, write: Write) -> None:
    """A checkpoint of a release that had fewer fields keeps its hash."""
    path = write("a.ndjson", lines(3))
    checkpoint = path.with_name("c")
    await mp.import_events(path, checkpoint=checkpoint)
    text = checkpoint.read_bytes()
    job = _job(text)
    start, end = text.index(b',"mark":"'), text.index(b'"', text.index(b',"mark":"') + 9) + 1
    old = re.sub(rb'"hash":"\w+"', b'"hash":""', text[:start] + text[end:]).strip()
    hashed = hashlib.blake2b(old, digest_size=16).hexdigest().encode()
    checkpoint.write_bytes(old.replace(b'"hash":""', b'"hash":"' + hashed + b'"') + b"\n")
    assert read_checkpoint("c", checkpoint.read_bytes(), job).position.mark == ""
    assert (await mp.import_events(path, checkpoint=checkpoint)).read == 3
