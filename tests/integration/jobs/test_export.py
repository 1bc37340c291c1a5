"""An export is complete or raises; a part is never mistaken for the whole."""

import itertools
import pathlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator, InjectedFault
from mixpanel_async.errors import OutputError, TransportError, TruncatedReplyError, UnauthorizedError
from mixpanel_async.jobs.exports.line_check import LineCutter, LineJudge
from tests.conftest import Connect

DAY = 86_400
FIRST = 1_700_006_400  # 2023-11-15T00:00:00Z
COUNT = 300
VARIANTS = ["content_length", "cut_line", "cut_after_line", "chunked_cut", "terminated_line", "half_gzip"]


async def fill(client: AsyncMixpanel) -> None:
    """Put a hundred events into each of three days."""
    for number in range(COUNT):
        time = FIRST + number % 3 * DAY + number
        await client.import_event(f"u{number}", "Exported", {"n": number, "text": "ü\u2028" * 20}, time=time)
    assert (await client.flush(timeout=20)).is_complete


def numbers(path: pathlib.Path) -> list[int]:
    return sorted(orjson.loads(line)["properties"]["n"] for line in path.read_bytes().splitlines())


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_events_come_back_as_they_went_in(connect: Connect) -> None:
    """All events of the days are exported, each with its properties."""
    client = connect()
    await fill(client)
    found = [event async for event in client.export.events("2023-11-15", "2023-11-17")]
    assert sorted(event["properties"]["n"] for event in found) == list(range(COUNT))
    one_day = [event async for event in client.export.events("2023-11-16", "2023-11-16", event="Exported")]
    assert len(one_day) == COUNT // 3


async def test_an_empty_export_is_complete(connect: Connect) -> None:
    """An export without events is complete."""
    assert [event async for event in connect().export.events("2023-11-15", "2023-11-15")] == []


@pytest.mark.parametrize("variant", VARIANTS)
async def test_an_export_that_ends_early_raises(variant: str, connect: Connect, server: Emulator) -> None:
    """Iterating over an export that ends early raises, however it ends."""
    client = connect()
    await fill(client)
    server.faults.add(InjectedFault(path="/api/2.0/export", kind="truncate", variant=variant))  # type: ignore[arg-type]
    with pytest.raises(TransportError):
        async for _ in client.export.events("2023-11-15", "2023-11-17"):
            pass


@pytest.mark.parametrize("variant", VARIANTS)
async def test_a_file_is_whole_or_not_there(
    variant: str, connect: Connect, server: Emulator, tmp_path: pathlib.Path
) -> None:
    """A truncated reply is requested again from its start; no event is in the file twice."""
    client = connect()
    await fill(client)
    server.faults.add(InjectedFault(path="/api/2.0/export", kind="truncate", variant=variant, times=2))  # type: ignore[arg-type]
    path = tmp_path / "events.ndjson"
    report = await client.export.to_file(path, "2023-11-15", "2023-11-17")
    assert numbers(path) == list(range(COUNT))
    assert (report.events, report.written_bytes, report.files) == (COUNT, path.stat().st_size, [str(path)])
    assert names(tmp_path) == [path.name]


async def test_a_file_that_never_becomes_whole(connect: Connect, server: Emulator, tmp_path: pathlib.Path) -> None:
    """If every attempt is truncated, the error says so and no file appears."""
    client = connect()
    await fill(client)
    server.faults.add(InjectedFault(path="/api/2.0/export", kind="truncate", variant="terminated_line", times=None))
    path = tmp_path / "events.ndjson"
    with pytest.raises(TruncatedReplyError, match="ended early"):
        await client.export.to_file(path, "2023-11-15", "2023-11-17")
    assert not path.exists()


async def test_a_directory_goes_on_where_it_was(connect: Connect, server: Emulator, tmp_path: pathlib.Path) -> None:
    """A second run into a directory requests only the missing days."""
    client = connect()
    await fill(client)
    server.faults.add(InjectedFault(path="/api/2.0/export", kind="status", status=400, after=2))
    with pytest.raises(Exception, match="400"):
        await client.export.to_file(tmp_path, "2023-11-15", "2023-11-17", concurrency=1)
    report = await client.export.to_file(tmp_path, "2023-11-15", "2023-11-17")
    assert [pathlib.Path(name).name for name in report.skipped] == ["2023-11-15.ndjson", "2023-11-16.ndjson"]
    assert [pathlib.Path(name).name for name in report.files] == ["2023-11-17.ndjson"]
    found = [n for name in names(tmp_path) if name.endswith("ndjson") for n in numbers(tmp_path / name)]
    assert sorted(found) == list(range(COUNT))


async def test_a_trailing_slash_means_a_directory(connect: Connect, tmp_path: pathlib.Path) -> None:
    """A path that ends in a slash is a directory with a file for each day; it is created if it is missing."""
    client = connect()
    await fill(client)
    report = await client.export.to_file(f"{tmp_path}/new/out/", "2023-11-15", "2023-11-16")
    days = ["2023-11-15.ndjson", "2023-11-16.ndjson"]
    assert names(tmp_path / "new" / "out") == [*days, "_manifest.json"]
    assert report.files == [str(tmp_path / "new" / "out" / name) for name in days]


async def test_a_directory_that_cannot_be_created(connect: Connect, tmp_path: pathlib.Path) -> None:
    """The error names the directory, and nothing is requested."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=f"cannot write {tmp_path}/file/out"):
        await connect().export.to_file(f"{tmp_path}/file/out/", "2023-11-15", "2023-11-16")


async def test_a_disk_that_is_full(connect: Connect) -> None:
    """The error for a file that cannot be written names it."""
    client = connect()
    await fill(client)
    with pytest.raises(OutputError, match="/dev/full"):
        await client.export.to_file("/dev/full/x.csv", "2023-11-15", "2023-11-17")


async def test_a_refused_credential(connect: Connect) -> None:
    """An invalid secret raises UnauthorizedError at once."""
    with pytest.raises(UnauthorizedError):
        async for _ in connect(secret="wrong").export.events("2023-11-15", "2023-11-15"):
            pass


async def test_leaving_early_closes_the_connection(connect: Connect, server: Emulator) -> None:
    """Closing the iterator early leaves nothing running."""
    client = connect()
    await fill(client)
    stream = client.export.events("2023-11-15", "2023-11-17")
    async for _ in stream:
        break
    await stream.aclose()
    assert len([request for request in server.requests if "export" in request.path]) == 1


PROPERTIES = st.dictionaries(st.text(), st.integers(-(2**63), 2**63) | st.text() | st.none(), max_size=3)
LINE = PROPERTIES.map(lambda properties: orjson.dumps({"event": "E", "properties": properties}))


@given(
    lines=st.lists(LINE), cuts=st.lists(st.integers(0, 400)), end=st.sampled_from([b"", b"export terminated early\n"])
)
def test_any_chunking_gives_the_same_lines(lines: list[bytes], cuts: list[int], end: bytes) -> None:
    """For any chunking, complete exports pass byte for byte and aborted ones raise."""
    data = b"".join(line + b"\n" for line in lines) + end
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    cutter, judge = LineCutter(), LineJudge(raises=True)
    taken = b""
    try:
        parts = [data[start:stop] for start, stop in itertools.pairwise(places)]
        for first in range(0, len(parts), 3):
            taken += judge.check(cutter.take(parts[first : first + 3])).lines
        cutter.end()
        judge.end()
    except TruncatedReplyError:
        assert end
    else:
        assert not end
        assert taken == data


@given(lines=st.lists(LINE, min_size=1), lost=st.integers(1, 20))
def test_a_lost_tail_is_noticed(lines: list[bytes], lost: int) -> None:
    """An export that lacks its last bytes, at least the line end, is not complete."""
    data = b"".join(line + b"\n" for line in lines)
    cutter = LineCutter()
    LineJudge(raises=True).check(cutter.take([data[: -min(lost, len(lines[-1]))]]))
    with pytest.raises(TruncatedReplyError):
        cutter.end()
