"""Fills the buffer of a client whose server never replies, and prints by how many bytes the process grew.

Usage: python -m tests.integration.attack.memory_child KIND URL MAX_BUFFER_BYTES
"""

import asyncio
import json
import os
import pathlib
import resource
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.errors import BufferFullError

NOW = 1_700_000_000
_RECORDS_A_SAMPLE = 5_000
_IDLE_CHECKS = 10  # of 50 ms: the import has stopped reading because the buffer is full

Call: TypeAlias = Callable[[AsyncMixpanel, int], Awaitable[object]]
LIVE: dict[str, Call] = {
    "people.set": lambda mp, n: mp.people.set(f"u{n}", {"n": n}),
    "groups.set": lambda mp, n: mp.groups.set("company", f"c{n}", {"n": n}),
    "track, tiny": lambda mp, n: mp.track(f"u{n}", "E", {"n": n}),
    "track, own $insert_id": lambda mp, n: mp.track(f"u{n}", "E", {"n": n}, insert_id=f"id-{n}"),
    "track, 1 KB": lambda mp, n: mp.track(f"u{n}", "E", {"n": n, "text": f"{n:01000}"}),
    "track, 900 KB": lambda mp, n: mp.track(f"u{n}", "E", {"n": n, "text": f"{n:0900000}"}),
}
JOBS = (
    "import_events, NDJSON",
    "import_events, CSV",
    "import_events, transform",
    "import_events, dicts",
    "import_profiles, NDJSON",
)


def rss_bytes() -> int:
    """Return the memory that this process takes now."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Peak:
    """The greatest growth since it was made."""

    def __init__(self) -> None:
        self._start = rss_bytes()
        self.bytes = 0

    def sample(self) -> None:
        """Look at the process."""
        self.bytes = max(self.bytes, rss_bytes() - self._start)


async def fill_live(mp: AsyncMixpanel, call: Call) -> Peak:
    """Track records until the buffer is full."""
    for number in range(100):
        await call(mp, number) if call is not LIVE["track, 900 KB"] else await mp.track("u", "E")
    await asyncio.sleep(0.6)  # requests start: what is loaded late is loaded
    peak = Peak()
    number = 100
    while True:
        try:
            await call(mp, number)
        except BufferFullError:
            break
        number += 1
        if number % _RECORDS_A_SAMPLE == 0:
            peak.sample()
    for _ in range(_IDLE_CHECKS):
        await asyncio.sleep(0.05)
        peak.sample()
    return peak


def event(number: int) -> dict[str, object]:
    """Return an event as an export has them."""
    properties = {"distinct_id": f"u{number}", "time": NOW + number, "$insert_id": f"id-{number}", "plan": "pro"}
    return {"event": "E", "properties": properties}


def write_source(kind: str, path: pathlib.Path, records: int) -> None:
    """Write a file of many records."""
    with path.open("w") as file:
        if kind.endswith("CSV"):
            file.write("event,time,distinct_id,$insert_id,plan\n")
            file.writelines(f"E,{NOW + n},u{n},id-{n},pro\n" for n in range(records))
        elif kind.startswith("import_profiles"):
            file.writelines(json.dumps({"$distinct_id": f"u{n}", "$set": {"n": n}}) + "\n" for n in range(records))
        else:
            file.writelines(json.dumps(event(n)) + "\n" for n in range(records))


def transformed(one: dict[str, object]) -> dict[str, object]:
    """Return the event as it is."""
    return one


async def events(records: int) -> AsyncIterator[dict[str, object]]:
    """Yield events as mappings."""
    for number in range(records):
        yield event(number)


def start_import(mp: AsyncMixpanel, kind: str, path: pathlib.Path, records: int, *, dry_run: bool) -> Awaitable[object]:
    """Return the import of a kind."""
    if kind.endswith("dicts"):
        return mp.import_events(events(records), dry_run=dry_run)
    if kind.startswith("import_profiles"):
        return mp.import_profiles(path, dry_run=dry_run)
    if kind.endswith("transform"):
        return mp.import_events(path, transform=transformed, dry_run=dry_run)
    return mp.import_events(path, dry_run=dry_run)


async def fill_job(mp: AsyncMixpanel, kind: str, folder: pathlib.Path, max_bytes: int) -> Peak:
    """Import from a source that is larger than the buffer until nothing more fits."""
    suffix = "csv" if kind.endswith("CSV") else "ndjson"
    small, large = folder / f"small.{suffix}", folder / f"large.{suffix}"
    records = max_bytes // 100
    write_source(kind, small, 100)
    write_source(kind, large, records)
    await start_import(mp, kind, small, 100, dry_run=True)
    await mp.track("u", "E")
    await asyncio.sleep(0.6)  # a request starts: what is loaded late is loaded
    peak = Peak()
    job = asyncio.ensure_future(start_import(mp, kind, large, records, dry_run=False))
    idle, admitted = 0, -1
    while idle < _IDLE_CHECKS:
        await asyncio.sleep(0.05)
        peak.sample()
        idle = idle + 1 if mp.stats.admitted == admitted else 0
        admitted = mp.stats.admitted
    if job.done() or admitted < 2:
        raise AssertionError(f"the buffer was not filled: {job}, {mp.stats}")
    job.cancel()
    return peak


async def main(kind: str, url: str, max_bytes: int) -> None:
    """Fill the buffer with a kind of record."""
    settings = Settings(max_buffer_bytes=max_bytes, overflow="raise")
    mp = AsyncMixpanel("token-0123456789", base_url=url, settings=settings)
    with tempfile.TemporaryDirectory() as folder:
        if kind in LIVE:
            peak = await fill_live(mp, LIVE[kind])
        else:
            peak = await fill_job(mp, kind, pathlib.Path(folder), max_bytes)
        print(json.dumps({"growth": peak.bytes, "counted": mp.stats.buffered_bytes, "records": mp.stats.queued}))
        sys.stdout.flush()
        os._exit(0)  # nothing is left to learn from settling them


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
