import gzip
import pathlib
from collections.abc import AsyncIterator, Callable, Sequence

import orjson
import pytest

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.emulator import Emulator

NOON = 1_700_000_000


def event(number: int, **properties: object) -> dict[str, object]:
    """Return a valid event; properties given as ... are left out."""
    own = {"time": NOON + number, "distinct_id": f"user-{number}", "$insert_id": f"id-{number}", **properties}
    return {"event": "Seen", "properties": {name: value for name, value in own.items() if value is not ...}}


def ndjson(records: Sequence[object]) -> bytes:
    """Return records as lines."""
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.fixture
async def mp(emulator: Emulator) -> AsyncIterator[AsyncMixpanel]:
    settings = Settings(linger_seconds=0.05)
    async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as client:
        yield client


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Callable[[str, bytes], pathlib.Path]:
    """Write a file, compressed if its name says so."""

    def write(name: str, content: bytes) -> pathlib.Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write
