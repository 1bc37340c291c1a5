"""The local server: events a second that it takes from a client on another core, start, and reset."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import subjects
from benchmarks.data import write_ndjson
from benchmarks.measure import ROOT, ROUNDS, Figure
from mixpanel_async.emulator import Emulator

COUNT = 200_000
GOAL_PER_SECOND = 30_000
GOAL_START_MS = 50.0
GOAL_RESET_MS = 10.0


@contextmanager
def server(*options: str) -> Iterator[int]:
    """Run `serve` on the second core; yield its port."""
    command = [sys.executable, "-m", "mixpanel_async", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(process.pid, {1})
        try:
            yield int(process.stdout.readline().rpartition(":")[2])
        finally:
            process.terminate()


def _reset_ms(port: int) -> float:
    began = time.perf_counter()
    urllib.request.urlopen(f"http://127.0.0.1:{port}/_admin/reset", data=b"").read()
    return (time.perf_counter() - began) * 1000


def _imports(path: Path, *options: str) -> tuple[list[float], list[float]]:
    """Return the events a second of each round, and the milliseconds of the resets between them."""
    rates, resets = [], []
    with server(*options) as port:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            asyncio.run(subjects.import_file(port, path, COUNT))
            rates.append(COUNT / (time.perf_counter() - began))
            resets.append(_reset_ms(port))
    return rates, resets


async def _start_ms() -> float:
    began = time.perf_counter()
    async with Emulator():
        return (time.perf_counter() - began) * 1000


def row_14_local_server(scratch: Path) -> Figure:
    """Events a second that the local server checks and stores, imported by this client from a file."""
    path = write_ndjson(scratch / "local.ndjson", COUNT)
    in_memory, resets = _imports(path)
    in_file, _ = _imports(path, "--data", str(scratch / "local.duckdb"))
    starts = [asyncio.run(_start_ms()) for _ in range(ROUNDS)]
    start, reset = statistics.median(starts), statistics.median(resets)
    return Figure(
        "14 local server: events a second, checked and stored",
        "a client on another core that reads, checks and compresses them",
        f">= {GOAL_PER_SECOND:,}; start <= {GOAL_START_MS:g} ms, reset <= {GOAL_RESET_MS:g} ms",
        in_memory,
        statistics.median(in_memory) >= GOAL_PER_SECOND and start <= GOAL_START_MS and reset <= GOAL_RESET_MS,
        {
            "with_a_data_file": round(statistics.median(in_file)),
            "start_ms": round(start, 1),
            "reset_ms": round(reset, 1),
        },
    )
