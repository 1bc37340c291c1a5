"""Rows 1 and 5: five shapes of ordinary events, tracked live and imported as dicts."""

import asyncio
import statistics
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import floors, subjects
from benchmarks.data import EVENTS_TIME, events
from benchmarks.measure import Figure, ratios, sink

Properties = dict[str, Any]
Records = Sequence[Any]
DISTINCT: Final = 20_000
COUNT: Final = 100_000
MOST_MICROSECONDS: Final = 3.0
LEAST_RATIO: Final = 0.5
MOST_SPREAD: Final = 2.0


def _flat(own: Properties) -> Properties:
    return {name: value for name, value in own.items() if not isinstance(value, list)}


def _line_items(own: Properties) -> Properties:
    items = [{"sku": own["path"][:16], "price": own["amount"], "quantity": number} for number in range(3)]
    return {**_flat(own), "items": items}


def _wide(own: Properties) -> Properties:
    short = list(_flat(own).items())[:8]
    return {f"{name} {number}": value for number in range(5) for name, value in short}


SHAPES: Final[Mapping[str, Callable[[Properties], Properties]]] = {
    "flat": _flat,
    "with None": lambda own: {**_flat(own), "referrer": None},
    'text with "null"': lambda own: {**_flat(own), "note": "null and void"},
    "three line items": _line_items,
    "40 properties": _wide,
}


class Result(NamedTuple):
    """One shape's result.

    Attributes:
        ratio: Time of the floor divided by ours, the median of the rounds.
        microseconds: CPU time of an event, the median of the rounds.
    """

    ratio: float
    microseconds: float


def _figure(row: str, results: Mapping[str, Result]) -> Figure:
    """Return the figure of all shapes; its values are one ratio for each shape."""
    costs = [result.microseconds for result in results.values()]
    values = [result.ratio for result in results.values()]
    spread, cost = max(costs) / min(costs), statistics.median(costs)
    return Figure(
        row,
        "floor: dumps of chunks + gzip + blocking socket",
        f">= {LEAST_RATIO}, <= {MOST_MICROSECONDS} us an event, dearest shape <= {MOST_SPREAD:g} x the cheapest",
        values,
        statistics.median(values) >= LEAST_RATIO and cost <= MOST_MICROSECONDS and spread <= MOST_SPREAD,
        {
            "microseconds_of_cpu_per_event": round(cost, 2),
            "share_of_a_core_at_30000_per_second": round(cost * 30_000 / 1e6, 3),
            "dearest_over_cheapest": round(spread, 2),
            "microseconds_by_shape": {name: round(result.microseconds, 2) for name, result in results.items()},
            "ratio_by_shape": {name: round(result.ratio, 2) for name, result in results.items()},
        },
    )


def _run(work: Callable[[int, Records], Coroutine[object, object, None]], port: int, made: Records) -> None:
    asyncio.run(work(port, made))


def _measure(ours: Callable[[], object], floor: Callable[[], object]) -> Result:
    values, times, _ = ratios(ours, floor)
    processor = statistics.median(processor for _, processor in times)
    return Result(statistics.median(values), processor / COUNT * 1e6)


def _whole(made: Sequence[subjects.Event]) -> list[dict[str, Any]]:
    """Return the events as dicts, each with an id of its own."""
    return [
        {
            "event": event,
            "properties": {"distinct_id": who, "time": EVENTS_TIME, "$insert_id": f"{number:024x}", **own},
        }
        for number, (event, who, own) in enumerate(made)
    ]


def row_1_track(_scratch: Path) -> Figure:
    """Track and deliver dicts, compared with encoding, compressing and sending them in chunks."""
    results = {}
    with sink() as port:
        for name, shape in SHAPES.items():
            made = [(event, who, shape(own)) for event, who, own in events(DISTINCT)] * (COUNT // DISTINCT)
            live = partial(_run, subjects.track, port, made)
            results[name] = _measure(live, partial(floors.track, port, _whole(made)))
    return _figure("1 await track() of five shapes of events, delivered", results)


def row_5_import_dicts(_scratch: Path) -> Figure:
    """Import an async iterator of dicts, compared with the floor of row 1."""
    results = {}
    with sink() as port:
        for name, shape in SHAPES.items():
            made = [(event, who, shape(own)) for event, who, own in events(DISTINCT)] * (COUNT // DISTINCT)
            whole = _whole(made)
            job = partial(_run, subjects.import_dicts, port, whole)
            results[name] = _measure(job, partial(floors.track, port, whole))
    return _figure("5 import_events() of an async iterator of dicts, five shapes", results)
