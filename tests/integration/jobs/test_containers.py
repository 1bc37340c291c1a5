"""Archives, compression and layouts of JSON, as programs export them."""

import bz2
import gzip
import io
import json
import lzma
import pathlib
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Literal

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from mixpanel_async import AsyncMixpanel
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError, SourceError
from tests.records import NOON, event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
CSV = b"event,time,distinct_id,$insert_id\n" + b"".join(b"A,%d,u,c-%d\n" % (NOON, n) for n in range(5))


def lines(first: int, count: int = 5) -> bytes:
    return ndjson([event(number) for number in range(first, first + count)])


def parquet() -> bytes:
    rows = [{"event": "A", "time": NOON, "distinct_id": "u", "$insert_id": f"p-{n}"} for n in range(5)]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


MEMBERS = {
    "a/1#0.json.gz": gzip.compress(lines(0)),
    "b.csv": CSV,
    "c.ndjson": lines(10),
    "d.json": json.dumps([event(n) for n in range(20, 25)], indent=1).encode(),
    "e.parquet": parquet(),
    "README.txt": b"not a member",
    "__MACOSX/._b.csv": b"\x00",
}


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("a")
        for name, content in MEMBERS.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(compression: Literal["", "gz", "bz2", "xz"] = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, content in MEMBERS.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "a.zip": zipped,
    "a.tar": tarred,
    "a.tar.gz": lambda: gzip.compress(tarred()),
    "a.tgz": lambda: tarred("gz"),
    "a.tar.bz2": lambda: tarred("bz2"),
    "a.tar.xz": lambda: tarred("xz"),
}


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("place", ["file", "directory", "pattern"])
async def test_archives(emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path, name: str, place: str) -> None:
    """Every member of a known format is imported, each in its own format, and named in positions."""
    (tmp_path / name).write_bytes(ARCHIVES[name]())
    source = {"file": tmp_path / name, "directory": tmp_path, "pattern": tmp_path / "a.*"}[place]
    report = await mp.import_events(source, checkpoint=tmp_path / "c")
    assert (report.read, report.imported, report.error) == (25, 25, "")
    assert report.source.startswith(f"{tmp_path / name}/")
    assert len(await emulator.events()) == 25
    assert report.noticed_by == {"unread_members": 1}
    assert "README.txt" in report.notices[0].message
    again = await mp.import_events(source, checkpoint=tmp_path / "c")
    assert (again.imported, again.resumed, again.noticed_by) == (25, 25, {"unread_members": 1})


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
async def test_two_members_of_one_name(mp: AsyncMixpanel, tmp_path: pathlib.Path, kind: str) -> None:
    """Members of the same name are different files: each is read, once."""
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for first in (0, 5):
                archive.writestr("a.ndjson", lines(first))
    else:
        with tarfile.open(path, "w") as tar:
            for first in (0, 5):
                info = tarfile.TarInfo("a.ndjson")
                info.size = len(lines(first))
                tar.addfile(info, io.BytesIO(lines(first)))
    report = await mp.import_events(path)
    assert (report.read, report.imported, report.duplicates) == (10, 10, 0)


async def test_an_archive_that_changed(mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A checkpoint is refused if a member has other content, even of the same size."""
    path = tmp_path / "a.zip"
    path.write_bytes(zipped())
    await mp.import_events(path, checkpoint=tmp_path / "c")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content.replace(b"c-4", b"c-9"))
    with pytest.raises(InvalidArgumentError, match="has changed"):
        await mp.import_events(path, checkpoint=tmp_path / "c")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.ndjson.bz2", bz2.compress(lines(0))), ("a.json.xz", lzma.compress(lines(0))), ("odd", bz2.compress(lines(0))),
     ("a.ndjson", lzma.compress(lines(0))), ("a.csv.xz", lzma.compress(CSV)),
     ("two.bz2", bz2.compress(lines(0, 3)) + bz2.compress(lines(3, 2)))],
)  # fmt: skip
async def test_compression(mp: AsyncMixpanel, tmp_path: pathlib.Path, name: str, content: bytes) -> None:
    """bzip2 and xz are read, whatever the name of the file."""
    (tmp_path / name).write_bytes(content)
    assert (await mp.import_events(tmp_path / name)).imported == 5


@pytest.mark.parametrize("module", [bz2, lzma, gzip])
async def test_damaged_compression(mp: AsyncMixpanel, tmp_path: pathlib.Path, module: object) -> None:
    """A damaged file is an error, not an end."""
    content = module.compress(lines(0, 2000))  # type: ignore[attr-defined]
    (tmp_path / "a.ndjson").write_bytes(content[:-20])
    try:
        error = (await mp.import_events(tmp_path / "a.ndjson", dry_run=True)).error
    except SourceError as raised:  # nothing of the file can be read
        error = str(raised)
    assert "truncated" in error or "cannot be read" in error


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_gzip_with_something_behind_it(mp: AsyncMixpanel, tmp_path: pathlib.Path, form: str) -> None:
    """Like gzip, an import reads what is gzip, ignores the rest and says so; padding with zeros is nothing."""
    content = {"ndjson": lines(0), "csv": CSV}[form]
    path = tmp_path / f"a.{form}.gz"
    path.write_bytes(gzip.compress(content) + b"\0\0hello")
    report = await mp.import_events(path)
    assert (report.read, report.imported, report.exit_status) == (5, 5, 0)
    assert report.noticed_by == {"trailing garbage": 1}
    assert "5 bytes" in report.notices[0].message
    path.write_bytes(gzip.compress(content) + b"\0" * 1000 + gzip.compress(b"") + b"\0")
    report = await mp.import_events(path, dry_run=True)
    assert (report.read, report.noticed_by) == (5, {})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.zip", zipfile.ZipFile, "a zip with no readable member"),
        ("b.zip", b"PK\x03\x04 no", "cannot be read as an archive"),
        ("a.tgz", b"no", "cannot be read as an archive"),
        ("a.gz", gzip.compress(gzip.compress(b"x")), "gzip inside gzip"),
        ("a.bz2", bz2.compress(gzip.compress(b"x")), "gzip inside bzip2"),
        ("a.ndjson", zlib.compress(b"x"), "a bare zlib stream"),
        ("a.xlsx", zipped(), "is a zip; save it"),
        ("a.ndjson", zipped(), "is a zip; save it"),
        ("a.json.gz", gzip.compress(tarred()), "is a tar archive; save it"),
        ("a.feather", b"ARROW1\x00\x00", "is an Arrow file"),
    ],
)
async def test_what_cannot_be_read_is_named(
    mp: AsyncMixpanel, tmp_path: pathlib.Path, name: str, content: object, message: str
) -> None:
    """The error for a file that cannot be read names its kind."""
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    else:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("notes.txt", "x")
    with pytest.raises(SourceError, match=message):
        await mp.import_events(tmp_path / name, dry_run=True)


async def test_an_encrypted_zip(mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """The error for an encrypted zip says so."""
    content = bytearray(zipped())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = content.find(mark)
        while position >= 0:
            content[position + offset] |= 1
            position = content.find(mark, position + 1)
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(SourceError, match="encrypted"):
        await mp.import_events(tmp_path / "a.zip", dry_run=True)


EVENTS = [event(number) for number in range(3)]
LAYOUTS = {
    "pretty": "\n".join(json.dumps(one, indent=2) for one in EVENTS),
    "joined": "".join(map(json.dumps, EVENTS)),
    "commas": ",\n".join(map(json.dumps, EVENTS)) + ",\n",
    "sequence": "".join(f"\x1e{json.dumps(one)}\n" for one in EVENTS),
    "two arrays": json.dumps(EVENTS[:2]) + "\n" + json.dumps(EVENTS[2:]),
    "lines": "\n".join(map(json.dumps, EVENTS)),
    "array": json.dumps(EVENTS, indent=4),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["a.json", "a.ndjson", "a"])
async def test_layouts_of_json(
    emulator: Emulator, mp: AsyncMixpanel, tmp_path: pathlib.Path, layout: str, name: str
) -> None:
    """Objects are read in any layout: a line each, over several lines, joined, in sequences and in arrays."""
    (tmp_path / name).write_text(LAYOUTS[layout])
    form: Literal["json"] | None = "json" if layout in {"array", "two arrays"} and name == "a.ndjson" else None
    report = await mp.import_events(tmp_path / name, format=form)
    assert (report.read, report.imported) == (3, 3), report
    assert len(await emulator.events()) == 3


@pytest.mark.parametrize("indent", [None, 2])
async def test_a_list_inside_an_object(mp: AsyncMixpanel, tmp_path: pathlib.Path, indent: int | None) -> None:
    """A path leads to the list of records; without it, the error names the option."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"n": 1, "events": EVENTS}, indent=indent))
    assert (await mp.import_events(path, records_path="events")).imported == 3
    path.write_text(json.dumps({"data": {"skipped": {"events": [1]}, "events": EVENTS}, "more": [{}]}, indent=indent))
    assert (await mp.import_events(path, records_path="data.events")).read == 3
    report = await mp.import_events(path, records_path="nowhere", dry_run=True)
    assert "there is no list at nowhere" in report.error
    path.write_text(json.dumps({"events": EVENTS}, indent=indent))
    report = await mp.import_events(path, dry_run=True)
    assert "set records_path" in report.examples[0].message
    (tmp_path / "a.csv").write_bytes(CSV)
    with pytest.raises(InvalidArgumentError, match="records_path is invalid"):
        await mp.import_events(tmp_path / "a.csv", records_path="events")


async def test_a_damaged_value_of_a_sequence(mp: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A value of a text sequence that was cut off is one rejected record; the next separator begins the next one."""
    parts = [json.dumps(one) for one in EVENTS]
    (tmp_path / "a.json").write_text(f"\x1e{parts[0]}\n\x1e{parts[1][:-5]}\x1e{parts[2]}\n")
    report = await mp.import_events(tmp_path / "a.json")
    assert (report.read, report.imported, report.rejected) == (3, 2, 1)
