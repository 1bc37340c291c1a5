"""Row 12: the cost of an event by number of events, connections and size."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import orjson

from benchmarks import subjects
from benchmarks.data import EVENTS_TIME, write_ndjson
from benchmarks.measure import ROUNDS, Figure, seconds_of, sink

_CONNECTIONS = (1, 2, 4, 8, 16, 20)
_SIZES = (100, 1_000, 10_000, 100_000)
_FEWER_ROUNDS = 2  # ten million events take almost a minute
_LEAST_SECONDS = 1.5
Subject = tuple[Path, int, int]


def row_12_flat(scratch: Path) -> Figure:
    """Cost of an event by number of events, connections and size.

    The best of several rounds counts. Each round measures all cases, so that a temporarily slow machine affects all of
    them, and repeats short ones until they take long enough to average. Below 10,000 events the start of the client
    dominates; these values are shown but do not count as unevenness. The cost of large events is that of their bytes.
    """
    with sink() as port:
        files = {n: write_ndjson(scratch / f"{n}.ndjson", n) for n in (10**exponent for exponent in range(3, 8))}
        by_count = _best(port, {n: (path, n, 20) for n, path in files.items()}, _FEWER_ROUNDS)
        by_connections = _best(port, {n: (files[100_000], 100_000, n) for n in _CONNECTIONS}, ROUNDS)
        by_size = _best(port, {size: (*_sized(scratch, size), 20) for size in _SIZES}, _FEWER_ROUNDS)
    many = [cost for count, cost in by_count.items() if count >= 10_000]
    spreads = {"counts": max(many) / min(many), "connections": _spread(by_connections)}
    flat = max(spreads.values())
    return Figure(
        "12 cost of an event, largest over smallest",
        "10^4 to 10^7 events, 1 to 20 connections",
        "<= 1.15",
        [flat],
        flat <= 1.15,
        {
            "spreads": {name: round(spread, 3) for name, spread in spreads.items()},
            "by_count": by_count,
            "by_connections": by_connections,
            "by_size": by_size,
            "by_size_per_kilobyte": {size: round(cost * 1000 / size, 3) for size, cost in by_size.items()},
        },
    )


def _spread(costs: Mapping[int, float]) -> float:
    return max(costs.values()) / min(costs.values())


def _best(port: int, subjects_by_x: Mapping[int, Subject], rounds: int) -> dict[int, float]:
    """Return the lowest CPU time per event, in microseconds, for each subject."""
    found: dict[int, list[float]] = {x: [] for x in subjects_by_x}
    for _ in range(rounds):
        for x, subject in subjects_by_x.items():
            found[x].append(_microseconds(port, *subject))
    return {x: round(min(costs), 3) for x, costs in found.items()}


def _microseconds(port: int, path: Path, count: int, connections: int) -> float:
    """Return the CPU time per event, averaged over enough imports of a file."""
    spent = 0.0
    done = 0
    while spent < _LEAST_SECONDS:
        spent += seconds_of(lambda: asyncio.run(subjects.import_file(port, path, count, concurrency=connections)))[1]
        done += count
    return spent / done * 1e6


def _sized(scratch: Path, size: int) -> tuple[Path, int]:
    """Return a file of events of about `size` bytes, and their number."""
    count = max(500, min(100_000, 40_000_000 // size))
    path = scratch / f"size{size}.ndjson"
    fixed = {"time": EVENTS_TIME, "distinct_id": "u"}
    with path.open("wb") as file:
        for number in range(count):
            own = {**fixed, "$insert_id": f"s-{number}"}
            line = orjson.dumps({"event": "E", "properties": own})
            # The server truncates long strings, so a large event has many properties.
            padding = {f"p{n}": "x" * min(250, size) for n in range(max(0, size - len(line)) // 262)}
            if size > 60_000:
                padding = {f"p{n}": "x" * 500 for n in range(size // 510)}
            file.write(orjson.dumps({"event": "E", "properties": {**own, **padding}}) + b"\n")
    return path, count
