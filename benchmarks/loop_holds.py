"""The longest time that each operation holds the event loop.

`python -m benchmarks.loop_holds PORT FILE OPERATION` runs one operation and prints the longest hold in milliseconds.
"""

import asyncio
import gc
import importlib
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from benchmarks.data import EVENTS_TIME, records
from benchmarks.measure import ROOT, Figure, percentile, sink
from benchmarks.subjects import client, exporter
from mixpanel_async import AsyncMixpanel, RecordMapping, Settings
from mixpanel_async.errors import SourceError, TransportError
from mixpanel_async.jobs.encoding.mappings import Transform

GOAL_MS: Final = 20.0
_PROBE_SECONDS: Final = 0.001
_ROUNDS: Final = 3
_MEGABYTE: Final = 1_000_000
_FULL: Final = 2  # the oldest generation

Run = Callable[[int, Path], Coroutine[Any, Any, object]]


async def _import(
    port: int, path: Path, mapping: RecordMapping | None = None, transform: Transform | None = None
) -> object:
    async with client(port) as mp:
        return await mp.import_events(path, mapping=mapping, transform=transform)


async def _request(port: int, _path: Path) -> object:
    """Request a JSON reply of any size: the sink returns the file for this path."""
    async with exporter(port) as mp:
        return await mp.request("GET", "/api/2.0/export")


async def _export(port: int, _path: Path) -> None:
    async with exporter(port) as mp:
        async for _ in mp.export.events("2023-11-14", "2023-11-14"):
            pass


async def _settle(_port: int, _path: Path) -> None:
    """Track what no server takes, and give it all up at once."""
    settings = Settings(max_buffer_bytes=512 * _MEGABYTE)
    async with AsyncMixpanel("token", base_url="http://127.0.0.1:9", settings=settings) as mp:
        for number in range(400_000):
            await mp.track("user", "Viewed", {"n": number})
        await mp.aclose(0)


def _hashed(port: int, path: Path) -> Coroutine[Any, Any, object]:
    return _import(port, path, RecordMapping(insert_id_hash="content"))


def _inferred(port: int, path: Path) -> Coroutine[Any, Any, object]:
    return _import(port, path, RecordMapping(infer_types=True))


def _transformed(port: int, path: Path) -> Coroutine[Any, Any, object]:
    return _import(port, path, transform=lambda event: event)


# By operation: how it is run, and the name of its file.
OPERATIONS: Final[dict[str, tuple[Run, str]]] = {
    "import NDJSON, valid": (_import, "valid.ndjson"),
    "import NDJSON, blank lines": (_import, "blank.ndjson"),
    "import NDJSON, lines {}": (_import, "empty.ndjson"),
    "import NDJSON, malformed": (_import, "malformed.ndjson"),
    "import NDJSON, invalid events": (_import, "invalid.ndjson"),
    "import NDJSON, duplicates": (_import, "duplicates.ndjson"),
    "import NDJSON, transform": (_transformed, "valid.ndjson"),
    "import NDJSON, insert_id_hash": (_hashed, "valid.ndjson"),
    "import JSON array, valid": (_import, "valid.json"),
    "import JSON array of {}": (_import, "empty.json"),
    "import JSON array, 200 deep": (_import, "deep.json"),
    "import CSV, 6 columns": (_inferred, "narrow.csv"),
    "import CSV, 244 columns": (_inferred, "wide.csv"),
    "import Parquet": (_import, "valid.parquet"),
    "import Parquet, 244 columns": (_inferred, "wide.parquet"),
    "settle 400,000 records": (_settle, "empty.json"),
    "request, 5 MB": (_request, "reply5.json"),
    "request, 20 MB": (_request, "reply20.json"),
    "request, 100 MB": (_request, "reply100.json"),
    "request, 200 MB": (_request, "reply200.json"),
    "export, gzip 1,000-fold": (_export, "bomb.ndjson"),
}


class Hold(msgspec.Struct):
    """The longest holds of the loop during one operation, in milliseconds.

    Attributes:
        wall: How late the latest wake-up was.
        own: How late it was at most through this process: what other processes took is left out.
        cpu: The most CPU time that the loop's thread used between two wake-ups.
        p99: How late 99 of 100 wake-ups were at most, on the clock.
        collection: The longest full garbage collection of the interpreter, which holds all threads.
    """

    wall: float = 0.0
    own: float = 0.0
    cpu: float = 0.0
    p99: float = 0.0
    collection: float = 0.0

    def note(self, wall: float, process: float, thread: float) -> None:
        """Take in the seconds since the wake-up before: on the clock, of the process, of the loop's thread."""
        late = max(0.0, wall - _PROBE_SECONDS) * 1e3
        self.wall = max(self.wall, late)
        # While another thread of this process holds the interpreter lock, the process uses CPU time as well.
        self.own = max(self.own, min(late, process * 1e3))
        self.cpu = max(self.cpu, thread * 1e3)


async def longest_hold(run: Coroutine[Any, Any, object]) -> Hold:
    """Await `run` while a task sleeps 1 ms at a time; return how late its wake-ups were."""
    hold = Hold()
    lates: list[float] = []

    async def probe() -> None:
        before = _clocks()
        while True:
            await asyncio.sleep(_PROBE_SECONDS)
            now = _clocks()
            hold.note(*(one - other for one, other in zip(now, before, strict=True)))
            lates.append((now[0] - before[0] - _PROBE_SECONDS) * 1e3)
            before = now

    await asyncio.sleep(0.05)
    collections = _Collections()
    gc.callbacks.append(collections)
    task = asyncio.create_task(probe())
    await asyncio.sleep(0)
    try:
        result = await run
    except (SourceError, TransportError) as error:  # as of a file that is malformed to its end
        result = error
    # Freeing a large result holds the loop as well; that is up to its owner, so it outlives the probe.
    await asyncio.sleep(0.01)
    task.cancel()
    gc.callbacks.remove(collections)
    hold.collection = collections.longest_seconds * 1e3
    del result
    hold.p99 = percentile(lates, 0.99)
    return hold


class _Collections:
    """Times the full garbage collections."""

    def __init__(self) -> None:
        self._start = 0.0
        self.longest_seconds = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] != _FULL:
            return
        if phase == "start":
            self._start = time.perf_counter()
        else:
            self.longest_seconds = max(self.longest_seconds, time.perf_counter() - self._start)


def _clocks() -> tuple[float, float, float]:
    return time.perf_counter(), time.process_time(), time.thread_time()


def write(path: Path) -> None:
    """Write the file of an operation, unless it exists."""
    if not path.exists():
        with path.open("wb") as file:
            file.writelines(_content(path.stem, path.suffix))


def _content(name: str, kind: str) -> Iterator[bytes]:
    if kind == ".parquet":
        yield _parquet(238 if name == "wide" else 0, 10_000 if name == "wide" else 40_000)
    elif kind == ".csv":
        yield from _table(238 if name == "wide" else 0, 10_000 if name == "wide" else 40_000)
    elif kind == ".json":
        yield b"["
        yield from _joined(_elements(name))
        yield b"]"
    elif name == "blank":
        yield b"\n" * (3 * _MEGABYTE)
    elif name == "bomb":
        yield (b'{"event":"E","properties":{"time":1,"x":"' + b"x" * 2000 + b'"}}\n') * 50_000
    else:
        yield from (element + b"\n" for element in _elements(name))


def _joined(elements: Iterator[bytes]) -> Iterator[bytes]:
    yield next(elements)
    for element in elements:
        yield b"," + element


def _elements(name: str) -> Iterator[bytes]:
    valid = [orjson.dumps(record) for record in records(40_000)]
    if name.startswith("reply"):
        wanted = int(name.removeprefix("reply")) * _MEGABYTE
        yield from (valid[number % len(valid)] for number in range(wanted // (sum(map(len, valid)) // len(valid))))
    elif name == "empty":
        yield from itertools.repeat(b"{}", 700_000)
    elif name == "malformed":
        yield from itertools.repeat(b"{x", _MEGABYTE)
    elif name == "invalid":
        yield from (line.replace(b'"distinct_id"', b'"distinct_ix"') for line in valid)
    elif name == "duplicates":
        yield from (line for start in range(0, len(valid), 100) for line in valid[start : start + 100] * 2)
    elif name == "deep":
        yield from itertools.repeat(b'{"a":' * 200 + b"1" + b"}" * 200, 2_000)
    else:
        yield from valid


def _table(more: int, rows: int) -> Iterator[bytes]:
    names = ["event", "time", "distinct_id", "$insert_id", "amount", "plan", *(f"column{n}" for n in range(more))]
    yield ",".join(names).encode() + b"\n"
    cells = ",".join(f"{n}.5" for n in range(more))
    for number in range(rows):
        line = f"Viewed,{EVENTS_TIME},user-{number % 99},id-{number},{number}.25,pro{',' * bool(more)}{cells}\n"
        yield line.encode()


def _parquet(more: int, rows: int) -> bytes:
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    found = [{"event": record["event"], **record["properties"]} for record in records(rows)]
    table = arrow.Table.from_pylist(found)
    for number in range(more):
        table = table.append_column(f"column{number}", arrow.array([number + 0.5] * rows))
    target = arrow.BufferOutputStream()
    parquet.write_table(table, target)
    return bytes(target.getvalue())


def measure(operation: str, folder: Path, rounds: int = _ROUNDS) -> Hold:
    """Return the holds of an operation, each round in a process of its own; the median of each figure."""
    path = folder / OPERATIONS[operation][1]
    write(path)
    found: list[Hold] = []
    with sink("--export", str(path)) if _needs_reply(operation) else sink() as port:
        command = [sys.executable, "-m", "benchmarks.loop_holds", str(port), str(path), operation]
        for _ in range(rounds):
            done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
            found.append(msgspec.json.decode(done.stdout, type=Hold))
    return Hold(*(statistics.median(values) for values in zip(*map(msgspec.structs.astuple, found), strict=True)))


def _needs_reply(operation: str) -> bool:
    return operation.startswith(("request", "export"))


def row_13_holds(scratch: Path) -> Figure:
    """The longest hold of the loop, by operation."""
    holds = {operation: measure(operation, scratch) for operation in OPERATIONS}
    values = [hold.own for hold in holds.values()]
    return Figure(
        f"13 longest hold of the loop, ms ({len(holds)} operations)",
        "a task that sleeps 1 ms at a time; without what other processes took",
        f"<= {GOAL_MS:g} each",
        values,
        max(values) <= GOAL_MS,
        {
            **{operation: round(hold.own, 1) for operation, hold in holds.items()},
            "p99 during an import": round(holds["import NDJSON, valid"].p99, 1),
            "full garbage collection": round(max(hold.collection for hold in holds.values()), 1),
            "on the clock": round(max(hold.wall for hold in holds.values()), 1),
            "cpu of the loop": round(max(hold.cpu for hold in holds.values()), 1),
        },
    )


if __name__ == "__main__":
    chosen, _ = OPERATIONS[sys.argv[3]]
    print(msgspec.json.encode(asyncio.run(longest_hold(chosen(int(sys.argv[1]), Path(sys.argv[2]))))).decode())
