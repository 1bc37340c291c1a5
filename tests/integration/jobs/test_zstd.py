"""Sources compressed with zstd."""

import asyncio
import io
import pathlib
import re
import sys
from collections.abc import Callable

import orjson
import pytest
from backports import zstd

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import SourceError
from tests.records import NOON, event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
COUNT = 20_000
EVENTS = [event(number, text=f"{number * 7919:0100d}") for number in range(COUNT)]
LINES = ndjson(EVENTS)
SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
FORMS: dict[str, bytes] = {
    "a.ndjson.zst": LINES,
    "a.json.zst": orjson.dumps(EVENTS),
    "a.csv.zst": b"event,time,distinct_id,$insert_id\n"
    + b"".join(b"Seen,%d,user-%d,id-%d\n" % (NOON + n, n, n) for n in range(COUNT)),
    "a.tsv": b"event\ttime\tdistinct_id\t$insert_id\n"
    + b"".join(b"Seen\t%d\tuser-%d\tid-%d\n" % (NOON + n, n, n) for n in range(COUNT)),
}


async def ids(emulator: Emulator) -> set[str]:
    return {e["properties"]["$insert_id"] for e in await emulator.events()}


@pytest.mark.parametrize("name", FORMS)
async def test_every_format(emulator: Emulator, mp: AsyncMixpanel, write: Write, name: str) -> None:
    """Every format without its own compression can be compressed, whatever the name of the file."""
    report = await mp.import_events(write(name, zstd.compress(FORMS[name])))
    assert (report.read, report.imported, report.error) == (COUNT, COUNT, "")
    assert await ids(emulator) == {f"id-{number}" for number in range(COUNT)}


async def test_open_files(emulator: Emulator, mp: AsyncMixpanel) -> None:
    """The compression of an open file is detected as well."""
    report = await mp.import_events(io.BytesIO(zstd.compress(LINES)))
    assert report.imported == COUNT
    assert len(await ids(emulator)) == COUNT


async def test_many_frames(mp: AsyncMixpanel, write: Write) -> None:
    """Files of several frames, including skippable ones, are read to their end."""
    part = len(LINES) // 3 + 11
    frames = [zstd.compress(LINES[start : start + part]) for start in range(0, len(LINES), part)]
    for content in (b"".join(frames), SKIPPED + SKIPPED.join(frames) + SKIPPED, zstd.compress(b"") + b"".join(frames)):
        report = await mp.import_events(write("a.ndjson.zst", content), dry_run=True)
        assert (report.read, report.error) == (COUNT, "")


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.7, 0.99999])
@pytest.mark.parametrize("name", ["a.ndjson.zst", "a.json.zst", "a.csv.zst"])
async def test_truncated(mp: AsyncMixpanel, write: Write, name: str, share: float) -> None:
    """A truncated stream is reported, and the records before count."""
    content = zstd.compress(FORMS[name])
    path = write(name, content[: max(5, int(len(content) * share))])
    message = f"{path}: the zstd stream is truncated"
    if share < 0.001:
        with pytest.raises(SourceError, match=re.escape(message)):
            await mp.import_events(path, dry_run=True)
        return
    report = await mp.import_events(path, dry_run=True)
    assert report.error == message
    assert report.exit_status == 1
    assert 0 < report.read < COUNT or (share > 0.99 and report.read == COUNT)
    expected = orjson.loads(LINES.splitlines()[report.read - report.rejected - 1])
    assert expected["properties"]["$insert_id"] == f"id-{report.read - report.rejected - 1}"
    assert report.rejected <= 1  # the line in whose middle it ends


async def test_damaged(mp: AsyncMixpanel, write: Write) -> None:
    """A damaged stream is reported, and the records before count."""
    frames = [zstd.compress(LINES[:1_000_000]), zstd.compress(LINES[1_000_000:])]
    damaged = bytes([*frames[1][:3000], *(byte ^ 255 for byte in frames[1][3000:4000]), *frames[1][4000:]])
    path = write("a.ndjson.zst", frames[0] + damaged)
    report = await mp.import_events(path, dry_run=True)
    assert report.error.startswith(f"{path}: cannot be read: ")
    assert LINES[:1_000_000].count(b"\n") <= report.read < COUNT
    assert report.rejected <= 1


async def test_going_on(emulator: Emulator, write: Write) -> None:
    """A stopped import resumes from its checkpoint and skips the settled records."""
    path = write("a.ndjson.zst", zstd.compress(LINES))
    settings = Settings(linger_seconds=0.05, max_batch_records=500)
    for stops in (True, False):
        stop = asyncio.Event()
        async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:

            def see(_: object, mp: AsyncMixpanel = mp, stop: asyncio.Event = stop, *, stops: bool = stops) -> None:
                if stops and mp.stats.requests:
                    stop.set()

            report = await mp.import_events(
                path, checkpoint=path.with_name("checkpoint"), stop=stop, concurrency=2, on_progress=see
            )
    assert 0 < report.resumed < COUNT
    assert (report.read, report.imported) == (COUNT, COUNT)
    assert await ids(emulator) == {f"id-{number}" for number in range(COUNT)}


async def test_not_installed(mp: AsyncMixpanel, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the zstd package, the error says what to install."""
    path = write("a.ndjson.zst", zstd.compress(LINES))
    for module in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SourceError, match=r'zstd: pip install "mixpanel-async\[zstd\]", or decompress it first'):
        await mp.import_events(path)
