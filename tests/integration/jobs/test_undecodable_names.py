"""Names of files and properties that are not valid Unicode."""

import os
import pathlib
import sys

import msgspec
import orjson
import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.state.checkpoint import Checkpoint
from tests.records import event, ndjson

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are text on this system")


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the path of a file with a name in Latin-1, and write one event and one bad line to it."""
    path = tmp_path / os.fsdecode(b"\xe9v.ndjson")
    path.write_bytes(ndjson([event(1)]) + b"bad\n")
    return path


async def test_dead_letters(mp: AsyncMixpanel, emulator: Emulator, path: pathlib.Path) -> None:
    """Records of such a file are rejected with a name that can be written."""
    emulator.faults.add(InjectedFault(path="/import", kind="partial", indexes=(0,)))
    dead = path.with_name("dead")
    report = await mp.import_events(path, dead_letters=dead)
    name = f"{path.parent}/\\udce9v.ndjson"
    assert [orjson.loads(line)["source"] for line in dead.read_bytes().splitlines()] == [name] * 2
    assert report.source == name
    assert {fault.position for fault in report.examples} == {f"{name}:1", f"{name}:2"}
    assert msgspec.json.encode(report)
    receipt = await mp.track("u", "e")
    assert (await receipt).is_delivered


async def test_checkpoint(mp: AsyncMixpanel, path: pathlib.Path) -> None:
    """Such a file can have a checkpoint; the second run sends nothing."""
    checkpoint, dead = path.with_name("checkpoint"), path.with_name("dead")
    for _ in range(2):
        report = await mp.import_events(path, checkpoint=checkpoint, dead_letters=dead)
        assert (report.imported, report.rejected) == (1, 1)
    assert report.resumed == 2
    assert msgspec.json.decode(checkpoint.read_bytes(), type=Checkpoint).is_done
    assert len(dead.read_bytes().splitlines()) == 1


async def test_errors(mp: AsyncMixpanel, path: pathlib.Path) -> None:
    """An error that names such a file can be printed, and files of a directory have different names."""
    twin = path.with_name("\\udce9v.ndjson")
    twin.write_bytes(ndjson([event(2)]))
    report = await mp.import_events(path.parent)
    assert (report.imported, report.rejected) == (2, 1)
    with pytest.raises(SourceError) as caught:
        await mp.import_events(path.with_name(os.fsdecode(b"\xe9.ndjson")))
    assert str(caught.value).encode().endswith(b"\\udce9.ndjson: there is no such file")
    with path.open("rb") as file:
        assert msgspec.json.encode(await mp.import_events(file))


async def test_properties(mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """An error in a property with such a name is written as a dead letter and ends nothing."""
    dead = tmp_path / "dead"
    wrong = event(1, outer={"\ud800": object()})
    report = await mp.import_events([wrong, event(2)], dead_letters=dead)
    assert (report.imported, report.rejected) == (1, 1)
    (letter,) = [orjson.loads(line) for line in dead.read_bytes().splitlines()]
    assert letter["field"].endswith("outer.\\ud800")
