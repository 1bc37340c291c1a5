"""Files that change while they are read."""

import gzip
import io
import os
import pathlib
from collections.abc import Callable

import pytest

from mixpanel_async import AsyncMixpanel, RecordMapping
from mixpanel_async.emulator import Emulator
from mixpanel_async.jobs.model.report import ExitStatus
from tests.records import NOON, event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
Change = Callable[[dict[str, object]], dict[str, object]]
LINE_BYTES = 1_000
KEPT_LINES = 4_000  # the first blocks are read before the first record is looked at
HEADER = b"event,time,distinct_id,$insert_id,padding".ljust(LINE_BYTES - 1, b"x") + b"\n"


def lines(count: int) -> bytes:
    """Return events, each of them on a line of the same length."""
    return b"".join(line.ljust(LINE_BYTES - 1) + b"\n" for line in ndjson(list(map(event, range(count)))).splitlines())


def rows(count: int) -> bytes:
    """Return a table of events with a header, all lines of the same length."""
    cells = (f"Seen,{NOON + number},user,id-{number},".encode() for number in range(count))
    return HEADER + b"".join(row.ljust(LINE_BYTES - 1, b"x") + b"\n" for row in cells)


def at_first(call: Callable[[], object]) -> Change:
    """Return a function for records that does something when the first of them comes."""
    left = [call]

    def change(record: dict[str, object]) -> dict[str, object]:
        if left:
            left.pop()()
        return record

    return change


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv"])
@pytest.mark.parametrize("way", ["path", "open", "unbuffered"])
async def test_a_file_that_is_cut(mp: AsyncMixpanel, emulator: Emulator, write: Write, name: str, way: str) -> None:
    """A file that is truncated while it is read is not complete, even if it is cut between two lines."""
    path = write(name, (rows if name.endswith("csv") else lines)(8_000))
    cut = at_first(lambda: os.truncate(path, KEPT_LINES * LINE_BYTES))
    if way == "path":
        report = await mp.import_events(path, transform=cut)
    else:
        with path.open("rb", buffering=0 if way == "unbuffered" else -1) as file:
            report = await mp.import_events(file, transform=cut)
    assert report.exit_status is ExitStatus.INCOMPLETE
    assert "is shorter than it was when it was opened" in report.error
    assert KEPT_LINES - 1 <= report.imported == len(await emulator.events())


async def test_a_compressed_file_that_is_cut_between_two_members(mp: AsyncMixpanel, write: Write) -> None:
    """A compressed file that is cut between two members is not complete, although the rest is valid."""
    padding = os.urandom(2_000_000).hex().encode() + b"\n"
    first = gzip.compress(ndjson([event(1)]) + padding + padding)
    path = write("a.ndjson.gz.whole", first + gzip.compress(ndjson([event(2)])))
    report = await mp.import_events(path, transform=at_first(lambda: os.truncate(path, len(first))))
    assert report.imported == 1
    assert "is shorter than it was when it was opened" in report.error


async def test_one_of_several_files_that_is_cut(mp: AsyncMixpanel, emulator: Emulator, write: Write) -> None:
    """The files after a truncated file are left to a later run."""
    path, behind = write("a.ndjson", lines(8_000)), write("b.ndjson", lines(1))
    report = await mp.import_events(
        [path, behind], transform=at_first(lambda: os.truncate(path, KEPT_LINES * LINE_BYTES))
    )
    assert report.error.startswith(str(path))
    assert len(await emulator.events()) == KEPT_LINES


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv"])
async def test_a_file_that_grows(mp: AsyncMixpanel, write: Write, name: str) -> None:
    """Bytes appended while a file is read are not an error."""
    make = rows if name.endswith("csv") else lines
    path, more = write(name, make(5_000)), make(6_000)[len(make(5_000)) :]

    def grow() -> None:
        with path.open("ab") as file:
            file.write(more)

    report = await mp.import_events(path, transform=at_first(grow))
    assert (report.imported, report.error) == (6_000, "")


async def test_open_files_that_are_whole(mp: AsyncMixpanel, write: Write) -> None:
    """Bytes of an open file that the caller read, or decompressed, before the import are not missed."""
    for buffering in (0, -1):
        with write("a.ndjson", ndjson([event(1), event(2)])).open("rb", buffering=buffering) as file:
            file.seek(len(ndjson([event(1)])))
            report = await mp.import_events(file)
        assert (report.imported, report.error) == (1, "")
    with gzip.open(write("b.ndjson.gz", ndjson([event(3)]))) as unpacked, io.BufferedReader(unpacked) as file:
        report = await mp.import_events(file)
    assert (report.imported, report.error) == (1, "")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xef\xbb\xbf", b" " * 700 + b"\n", b"{}", gzip.compress(b"", mtime=0)]
)
async def test_small_files(mp: AsyncMixpanel, write: Write, content: bytes) -> None:
    """Tiny files are complete."""
    report = await mp.import_events(write("a.ndjson", content), mapping=RecordMapping())
    assert report.error == ""
