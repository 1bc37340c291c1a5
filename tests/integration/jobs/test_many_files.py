"""Sources of very many files: small checkpoints, bounded memory, and changes are still found."""

import os
import pathlib
import tracemalloc

import msgspec
import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.model.source_identity import SourceIdentity
from mixpanel_async.jobs.sources.files import FilesSource
from mixpanel_async.jobs.sources.options import FileOptions
from mixpanel_async.jobs.state.checkpoint import Checkpoint, encode_checkpoint
from tests.records import event, ndjson

COUNT = 2500


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder of many files of one record each."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"{number:06}.ndjson").write_bytes(ndjson([event(number)]))
    return folder


async def _run_in_part(emulator: Emulator, mp: AsyncMixpanel, folder: pathlib.Path) -> Checkpoint:
    emulator.faults.add(InjectedFault(path="/import", kind="status", status=404, after=1, times=None))
    await mp.import_events(folder, checkpoint=folder.with_name("c"))
    emulator.faults.clear()
    found = msgspec.json.decode(folder.with_name("c").read_bytes(), type=Checkpoint)
    assert 0 < found.position.file < COUNT
    return found


async def test_a_small_checkpoint(emulator: Emulator, mp: AsyncMixpanel, folder: pathlib.Path) -> None:
    """A checkpoint of many files is small, and a job resumes from it."""
    await _run_in_part(emulator, mp, folder)
    assert folder.with_name("c").stat().st_size < 2000 + COUNT
    report = await mp.import_events(folder, checkpoint=folder.with_name("c"), dead_letters=folder.with_name("dead"))
    assert (report.error, report.read, report.imported) == ("", COUNT, COUNT)
    assert report.resumed
    assert len(await emulator.deduplicated_events()) == COUNT


@pytest.mark.parametrize("change", ["content", "time", "name", "missing"])
async def test_a_changed_file_among_many(
    emulator: Emulator, mp: AsyncMixpanel, folder: pathlib.Path, change: str
) -> None:
    """A change of one file among many is found, and the error says where to look."""
    await _run_in_part(emulator, mp, folder)
    path, sent = folder / "001234.ndjson", len(emulator.requests)
    before = path.stat()
    if change == "content":
        path.write_bytes(path.read_bytes().replace(b"id-1234", b"id-4321"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "time":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    elif change == "name":
        path.rename(folder / "001234a.ndjson")
    else:
        path.unlink()
    message = "covers 2500 files" if change == "missing" else r"1,000 files from \S*001000\.ndjson to \S*001999\.ndjson"
    with pytest.raises(InvalidArgumentError, match=message):
        await mp.import_events(folder, checkpoint=folder.with_name("c"))
    assert len(emulator.requests) == sent


async def test_a_checkpoint_that_lists_many_files(emulator: Emulator, mp: AsyncMixpanel, folder: pathlib.Path) -> None:
    """A checkpoint of an earlier release, which lists every file without time and number, stays valid."""
    found = await _run_in_part(emulator, mp, folder)
    source = FilesSource([str(folder)], FileOptions(), lambda _: None)
    await source.identify()
    listed = [SourceIdentity(one.path, one.size, one.head) for one in (each.identify() for each in source._locations)]
    job = msgspec.structs.replace(found.job, sources=tuple(listed), groups=())
    folder.with_name("c").write_bytes(encode_checkpoint(msgspec.structs.replace(found, job=job)))
    await source.aclose()
    report = await mp.import_events(folder, checkpoint=folder.with_name("c"))
    assert (report.error, report.read) == ("", COUNT)
    assert report.resumed == found.counts.read


async def test_memory_of_many_files(folder: pathlib.Path) -> None:
    """What is held of each file is little more than its path."""
    source = FilesSource([str(folder)], FileOptions(), lambda _: None)
    tracemalloc.start()
    try:
        await source.identify()
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        await source.aclose()
    assert held < COUNT * 400 + 100_000
    assert most < COUNT * 400 + 2_000_000
