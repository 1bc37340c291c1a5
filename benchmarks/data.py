"""Seeded, realistic events: about 440 bytes of JSON, nested lists, UTF-8."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

EVENTS_TIME: Final = 1_700_000_000
_CITIES: Final = ["Zürich", "São Paulo", "東京", "Kraków", "Reykjavík", "Berlin", "Lagos", "Montréal", "İzmir", "Oslo"]
_PLANS: Final = ["free", "pro", "team", "enterprise"]
_EVENTS: Final = ["Page Viewed", "Signed Up", "Song Played", "Item Added", "Checkout Completed", "Search Performed"]
_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0"


def properties(rng: random.Random) -> dict[str, Any]:
    """Return twelve properties of an event."""
    return {
        "city": rng.choice(_CITIES),
        "plan": rng.choice(_PLANS),
        "amount": round(rng.random() * 500, 2),
        "quantity": rng.randrange(1, 50),
        "is_trial": rng.random() < 0.5,
        "agent": _AGENT,
        "path": f"/products/{rng.randrange(100_000)}?ref={rng.randrange(1000)}",
        "tags": [rng.choice(_PLANS) for _ in range(3)],
        "grid": [[rng.randrange(9) for _ in range(3)] for _ in range(2)],
        "note": "naïve café, " + "x" * rng.randrange(30),
        "session": rng.randrange(10**12),
        "score": rng.random(),
    }


def events(count: int, seed: int = 1) -> list[tuple[str, str, dict[str, Any]]]:
    """Return `count` of (event, distinct_id, properties)."""
    rng = random.Random(seed)
    return [(rng.choice(_EVENTS), f"user-{rng.randrange(100_000)}", properties(rng)) for _ in range(count)]


def records(count: int, seed: int = 1, padding: int = 0) -> Iterator[dict[str, Any]]:
    """Yield `count` complete events for /import."""
    rng = random.Random(seed)
    for number in range(count):
        own = {
            "time": EVENTS_TIME + number // 100,
            "distinct_id": f"user-{rng.randrange(100_000)}",
            "$insert_id": f"{seed:x}-{number:x}",
        }
        extra = {"padding": "x" * padding} if padding else {}
        yield {"event": rng.choice(_EVENTS), "properties": {**own, **properties(rng), **extra}}


def write_ndjson(path: Path, count: int, seed: int = 1) -> Path:
    """Write `count` events to a file, unless it exists: a block of 100,000 is repeated with other IDs."""
    if path.exists():
        return path
    block = [orjson.dumps(record) for record in records(min(count, 100_000), seed)]
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        for start in range(0, count, len(block)):
            mark = f'"$insert_id":"{start:x}-'.encode()
            lines = (line.replace(b'"$insert_id":"1-', mark, 1) for line in block[: count - start])
            file.write(b"\n".join(lines) + b"\n")
    partial.rename(path)
    return path
