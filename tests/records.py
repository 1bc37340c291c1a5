"""Records shared by the tests."""

from collections.abc import Sequence

import orjson

NOON = 1_700_000_000


def event(number: int, **properties: object) -> dict[str, object]:
    """Return a valid event; `...` removes a property."""
    own = {"time": NOON + number, "distinct_id": f"user-{number}", "$insert_id": f"id-{number}", **properties}
    return {"event": "Seen", "properties": {name: value for name, value in own.items() if value is not ...}}


def ndjson(records: Sequence[object]) -> bytes:
    """Return records as lines."""
    return b"".join(orjson.dumps(record) + b"\n" for record in records)
