"""Sources that were changed before the position of a checkpoint, although size, time and beginning are the same."""

import asyncio
import gzip
import io
import os
import pathlib
from collections.abc import Callable

import msgspec
import orjson
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.state.checkpoint import Checkpoint, encode_checkpoint

ROWS = 12_000
FORMATS = ["csv", "json", "ndjson", "ndjson.gz", "parquet"]
Make = Callable[[list[dict[str, object]]], bytes]


def _csv(rows: list[dict[str, object]]) -> bytes:
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    return "\n".join(lines).encode()


def _events(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{"event": row["event"], "properties": {k: v for k, v in row.items() if k != "event"}} for row in rows]


def _ndjson(rows: list[dict[str, object]]) -> bytes:
    return b"\n".join(map(orjson.dumps, _events(rows)))


def _parquet(rows: list[dict[str, object]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=1000, compression="none", use_dictionary=False)
    return file.getvalue()


MAKERS: dict[str, Make] = {
    "csv": _csv,
    "json": lambda rows: orjson.dumps(_events(rows)),
    "ndjson": _ndjson,
    "ndjson.gz": lambda rows: gzip.compress(_ndjson(rows), 0, mtime=0),
    "parquet": _parquet,
}


def _rows() -> list[dict[str, object]]:
    fields = ["event", "time", "distinct_id", "$insert_id", "text"]
    return [
        dict(zip(fields, ["A", 1_700_000_000 + n, f"u{n}", f"id-{n:06}", "x" * 20], strict=True)) for n in range(ROWS)
    ]


def _decoded(checkpoint: pathlib.Path) -> Checkpoint:
    return msgspec.json.decode(checkpoint.read_bytes(), type=Checkpoint)


@pytest.fixture(params=FORMATS)
def interrupted(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> tuple[pathlib.Path, Make]:
    """A file and how its content is made."""
    make = MAKERS[request.param]
    path = tmp_path / f"a.{request.param}"
    path.write_bytes(make(_rows()))
    return path, make


async def _run_in_part(emulator: Emulator, mp: AsyncMixpanel, path: pathlib.Path) -> Checkpoint:
    emulator.faults.add(InjectedFault(path="/import", kind="status", status=404, after=4, times=None))
    await mp.import_events(path, checkpoint=path.with_name("c"))
    emulator.faults.clear()
    found = _decoded(path.with_name("c"))
    assert 0 < found.position.number < ROWS
    assert found.position.mark
    return found


def _rewrite(path: pathlib.Path, content: bytes) -> None:
    before = path.stat()
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_a_change_before_the_position(
    emulator: Emulator, mp: AsyncMixpanel, interrupted: tuple[pathlib.Path, Make]
) -> None:
    """A source with another record before the position is refused, although nothing else about the file tells."""
    path, make = interrupted
    found = await _run_in_part(emulator, mp, path)
    rows, sent = _rows(), len(emulator.requests)
    rows[found.position.number - 5]["text"] = "y" * 20
    _rewrite(path, make(rows))
    found = _without_samples(path.with_name("c"), found)
    with pytest.raises(InvalidArgumentError, match="has changed since the checkpoint was written"):
        await mp.import_events(path, checkpoint=path.with_name("c"))
    assert len(emulator.requests) == sent
    assert _decoded(path.with_name("c")) == found


def _without_samples(path: pathlib.Path, found: Checkpoint) -> Checkpoint:
    sources = tuple(msgspec.structs.replace(source, samples="") for source in found.job.sources)
    old = msgspec.structs.replace(found, job=msgspec.structs.replace(found.job, sources=sources))
    path.write_bytes(encode_checkpoint(old))
    return _decoded(path)


async def test_a_change_far_before_the_position(
    emulator: Emulator, mp: AsyncMixpanel, interrupted: tuple[pathlib.Path, Make]
) -> None:
    """A source with other records far before the position is refused, although size, time and beginning match."""
    path, make = interrupted
    found = await _run_in_part(emulator, mp, path)
    rows, sent = _rows(), len(emulator.requests)
    for row in rows[2000 : found.position.number - 500]:
        row["text"] = "y" * 20
    _rewrite(path, make(rows))
    with pytest.raises(InvalidArgumentError, match="its content is different"):
        await mp.import_events(path, checkpoint=path.with_name("c"))
    assert len(emulator.requests) == sent


@pytest.mark.parametrize("has_mark", [True, False])
async def test_an_unchanged_source_goes_on(
    emulator: Emulator, mp: AsyncMixpanel, interrupted: tuple[pathlib.Path, Make], has_mark: bool
) -> None:
    """An unchanged source resumes, also from a checkpoint of an earlier release, which has no mark; then again."""
    path, _ = interrupted
    found = await _run_in_part(emulator, mp, path)
    if not has_mark:
        found = _without_samples(path.with_name("c"), found)
        old = msgspec.structs.replace(found, position=msgspec.structs.replace(found.position, mark=""))
        path.with_name("c").write_bytes(encode_checkpoint(old))
    for _ in range(2):
        report = await mp.import_events(path, checkpoint=path.with_name("c"))
        assert (report.error, report.read, report.imported) == ("", ROWS, ROWS)
    assert len(await emulator.deduplicated_events()) == ROWS


@pytest.mark.parametrize("name", ["csv", "json", "ndjson"])
async def test_several_stops(emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path, name: str) -> None:
    """A job that is stopped again and again, at whatever position, always finds its source unchanged."""
    path = tmp_path / f"a.{name}"
    path.write_bytes(MAKERS[name](_rows()))
    for _ in range(10):
        stop = asyncio.Event()
        emulator.faults.add(InjectedFault(path="/import", kind="status", status=404, after=3, times=None))
        await mp.import_events(path, checkpoint=tmp_path / "c", stop=stop)
        emulator.faults.clear()
    await mp.import_events(path, checkpoint=tmp_path / "c")
    assert len(await emulator.deduplicated_events()) == ROWS
