"""The benchmark rows: each runs one comparison and returns its figure."""

import asyncio
import statistics
from functools import partial
from pathlib import Path

from benchmarks import floors, subjects
from benchmarks.context_costs import row_16_nowait, row_17_context, row_18_otel
from benchmarks.data import events, write_ndjson
from benchmarks.flags import row_15_flags
from benchmarks.flatness import row_12_flat
from benchmarks.local_server import row_14_local_server
from benchmarks.loop_holds import row_13_holds
from benchmarks.measure import ROUNDS, Figure, peak_memory_mib, percentile, python_seconds, ratios, seconds_of, sink
from benchmarks.middleware import row_19_middleware
from benchmarks.shapes import row_1_track, row_5_import_dicts

COUNT = 200_000
LIMIT_PER_MINUTE = 600_000
LIMIT_SECONDS = 75.0


def row_3_import(scratch: Path) -> Figure:
    """Import and validate a file, compared with reading, partly decoding, compressing and sending its lines."""
    path = write_ndjson(scratch / "import.ndjson", COUNT)
    with sink() as port:
        values, ours, floor = ratios(
            lambda: asyncio.run(subjects.import_file(port, path, COUNT)), partial(floors.import_file, port, path)
        )
    return Figure(
        "3 import_events() of an NDJSON file, checked",
        "floor: lines + partial decode + gzip + socket",
        ">= 0.75",
        values,
        statistics.median(values) >= 0.75,
        {
            "events_per_second": round(COUNT / statistics.median(wall for wall, _ in ours)),
            "microseconds_of_cpu_per_event": round(statistics.median(cpu for _, cpu in ours) / COUNT * 1e6, 2),
            "floor_events_per_second": round(COUNT / statistics.median(wall for wall, _ in floor)),
        },
    )


def row_6_memory(scratch: Path) -> Figure:
    """Peak memory of an import of 10,000,000 events minus that of 100,000."""
    files = {count: write_ndjson(scratch / f"{count}.ndjson", count) for count in (100_000, 10_000_000)}
    code = "import asyncio, pathlib\nfrom benchmarks.subjects import import_file\n"
    with sink() as port:
        peaks = {
            count: peak_memory_mib(f"{code}asyncio.run(import_file({port}, pathlib.Path({str(path)!r}), {count}))")
            for count, path in files.items()
        }
    difference = peaks[10_000_000] - peaks[100_000]
    return Figure(
        "6 peak memory, 10,000,000 events minus 100,000",
        "MiB",
        "<= 32, process <= 200",
        [difference],
        difference <= 32 and peaks[10_000_000] <= 200,
        {"peak_mib_100000": round(peaks[100_000]), "peak_mib_10000000": round(peaks[10_000_000])},
    )


def row_7_latency(scratch: Path) -> Figure:
    """The import of row 3 with 50 ms of latency, compared with the same import without."""
    path = write_ndjson(scratch / "latency.ndjson", 10 * COUNT)
    with sink() as near, sink("--latency", "0.05") as far:
        values, _, _ = ratios(
            lambda: asyncio.run(subjects.import_file(far, path, 10 * COUNT)),
            lambda: asyncio.run(subjects.import_file(near, path, 10 * COUNT)),
        )
    return Figure(
        "7 import with 50 ms of latency, up to 20 connections",
        "row 3 without latency",
        ">= 0.9",
        values,
        statistics.median(values) >= 0.9,
    )


def row_8_limit(scratch: Path) -> Figure:
    """The used share of a rolling limit, and the number of replies with 429."""
    path = write_ndjson(scratch / "limit.ndjson", int(LIMIT_PER_MINUTE * LIMIT_SECONDS / 60 * 1.2))
    with sink("--events-per-minute", str(LIMIT_PER_MINUTE)) as port:
        delivered, requests, refused = asyncio.run(
            subjects.import_at_limit(port, path, LIMIT_PER_MINUTE, LIMIT_SECONDS)
        )
    used = delivered / (LIMIT_PER_MINUTE * LIMIT_SECONDS / 60)
    return Figure(
        "8 used share of a rolling limit",
        f"{LIMIT_PER_MINUTE:,} events a minute, enforced",
        ">= 0.97, <= 0.5 % replies with 429",
        [used],
        used >= 0.97 and refused <= 0.005 * requests,
        {"requests": requests, "answered_429": refused},
    )


def row_9_lag(_scratch: Path) -> Figure:
    """Lag of the event loop while row 1 runs, and the duration of an admission."""
    made = events(20_000) * 5
    with sink() as port:
        runs = [asyncio.run(subjects.track_and_watch(port, made)) for _ in range(5)]
    lags = [percentile(lag, 0.99) * 1e3 for lag, _ in runs]
    p99 = statistics.median(percentile(times, 0.99) * 1e6 for _, times in runs)
    return Figure(
        "9 loop lag while row 1 runs, p99",
        "ms",
        "<= 5; admission p99 <= 50 us",
        lags,
        statistics.median(lags) <= 5 and p99 <= 50,
        {
            "admission_p99_microseconds": round(p99, 1),
            "admission_median_microseconds": round(statistics.median(percentile(t, 0.5) for _, t in runs) * 1e6, 2),
            "loop_lag_max_ms": round(max(max(lag) for lag, _ in runs) * 1e3, 1),
        },
    )


def row_10_export(scratch: Path) -> Figure:
    """Export to a file with every line checked, compared with decompressing to a file."""
    path = write_ndjson(scratch / "import.ndjson", COUNT)
    with sink("--export", str(path)) as port:
        values, _, _ = ratios(
            lambda: asyncio.run(subjects.export_file(port, scratch / "ours.ndjson")),
            lambda: floors.export_file(port, scratch / "floor.ndjson"),
        )
    return Figure(
        "10 export to a file, checked",
        "floor: socket + gunzip + write",
        ">= 0.75",
        values,
        statistics.median(values) >= 0.75,
    )


def row_10_dicts(scratch: Path) -> Figure:
    """Export as dicts, compared with decompressing and decoding each line."""
    path = write_ndjson(scratch / "import.ndjson", COUNT)
    with sink("--export", str(path)) as port:
        values, ours, _ = ratios(
            lambda: asyncio.run(subjects.export_dicts(port, COUNT)), lambda: floors.export_dicts(port)
        )
    return Figure(
        "10 export as dicts",
        "floor: the same + orjson.loads of each line",
        ">= 0.8",
        values,
        statistics.median(values) >= 0.8,
        {"events_per_second": round(COUNT / statistics.median(wall for wall, _ in ours))},
    )


def row_10_parquet(scratch: Path) -> Figure:
    """Export of days as Parquet: events for each second of the export's CPU time."""
    path = write_ndjson(scratch / "import.ndjson", COUNT)
    days = 3
    with sink("--export", str(path)) as port:
        runs = [
            seconds_of(lambda: asyncio.run(subjects.export_days(port, scratch / "days", days)))
            for _ in range(ROUNDS + 1)
        ]
    values = [days * COUNT / cpu for _, cpu in runs[1:]]
    return Figure(
        "10 export of days as Parquet",
        "events a second of CPU",
        ">= 200,000",
        values,
        statistics.median(values) >= 200_000,
        {"events_per_second_on_the_clock": round(days * COUNT / statistics.median(wall for wall, _ in runs[1:]))},
    )


def row_10_memory(scratch: Path) -> Figure:
    """Peak memory of an export of 10,000,000 events as Parquet minus that of 500,000."""
    path = write_ndjson(scratch / "100000.ndjson", 100_000)
    code = "import asyncio, pathlib\nfrom benchmarks.subjects import export_file\n"
    peaks = {}
    for repeats in (5, 100):
        with sink("--export", str(path), "--repeats", str(repeats)) as port:
            target = scratch / "memory.parquet"
            peaks[repeats] = peak_memory_mib(f"{code}asyncio.run(export_file({port}, pathlib.Path({str(target)!r})))")
    difference = peaks[100] - peaks[5]
    return Figure(
        "10 peak memory of an export as Parquet, 10,000,000 events minus 500,000",
        "MiB",
        "<= 32, process <= 400",
        [difference],
        difference <= 32 and peaks[100] <= 400,
        {"peak_mib_500000": round(peaks[5]), "peak_mib_10000000": round(peaks[100])},
    )


def row_11_import_time(_scratch: Path) -> Figure:
    """Time to import the client, compared with the time to import aiohttp."""
    values = [
        python_seconds("from mixpanel_async import AsyncMixpanel") / python_seconds("import aiohttp") for _ in range(9)
    ]
    return Figure("11 import AsyncMixpanel", "import aiohttp", "<= 1.2", values, statistics.median(values) <= 1.2)


ROWS = (
    row_1_track,
    row_3_import,
    row_5_import_dicts,
    row_6_memory,
    row_7_latency,
    row_8_limit,
    row_9_lag,
    row_10_export,
    row_10_dicts,
    row_10_parquet,
    row_10_memory,
    row_11_import_time,
    row_12_flat,
    row_13_holds,
    row_14_local_server,
    row_15_flags,
    row_16_nowait,
    row_17_context,
    row_18_otel,
    row_19_middleware,
)
