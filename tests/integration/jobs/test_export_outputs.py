"""Exports into files of every format: complete, and imported again as they are."""

import asyncio
import csv
import gzip
import io
import os
import pathlib
import stat
import uuid
from collections.abc import AsyncIterator

import fsspec  # type: ignore[import-untyped]
import orjson
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixpanel_async import AsyncMixpanel, ExportProgress
from mixpanel_async.errors import (
    InvalidArgumentError,
    MissingExtraError,
    OutputError,
    RateLimitedError,
    TruncatedReplyError,
    UnreadableEventError,
)
from mixpanel_async.jobs.exports.outputs import compression
from mixpanel_async.jobs.exports.outputs.formats import OutputFormat
from tests.export_server import ExportServer
from tests.virtual_time import FastClock

DAY = "2023-11-14"
FORMATS = ["ndjson", "jsonl", "ndjson.gz", "ndjson.zst", "csv", "csv.gz", "csv.zst", "parquet"]
TABLES = ["csv", "parquet"]


def line(number: int, more: bytes = b"", event: bytes = b'"Seen"') -> bytes:
    own = b'"time":%d,"distinct_id":"u%d","$insert_id":"i%d"' % (1_700_000_000 + number, number % 7, number)
    return b'{"event":%b,"properties":{%b%b}}' % (event, own, more)


# What a decoder and an encoder would not give back byte for byte.
ODD = [
    line(1, b',"n":18446744073709551616,"f":1.0,"e":1E2, "sp" : [ 1 , 2 ]'),
    line(2, b',"a":1,"a":2'),
    line(3, b',"text":"\\u00fc\\/\xc3\xbc\\ud83d\\ude00 \xe2\x80\xa8,\\"quoted\\",\\r\\n\\u0000"'),
    line(4, b',"deep":{"a":{"b":[{},[]]}}', '"Grüße, \\"Welt\\"\\n=1+1"'.encode()),
    line(5, b',"empty":"","null":null,"no":false'),
    line(6, event=b'"caf\\u00e9"'),
]
LINES = [*ODD, *(line(number) for number in range(10, 3000))]


@pytest.fixture
async def server() -> ExportServer:
    return ExportServer({DAY: LINES})


@pytest.fixture
async def client(server: ExportServer) -> AsyncIterator[AsyncMixpanel]:
    async with server.client(FastClock(1000)) as client:
        yield client


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def properties(record: bytes) -> bytes:
    return record.partition(b'"properties":')[2]


@pytest.mark.parametrize("suffix", FORMATS)
async def test_an_export_is_imported_as_it_is(
    suffix: str, server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """Every format holds all that Mixpanel sent, and gives the same records back without an option, byte for byte."""
    path = tmp_path / f"a.{suffix}"
    report = await client.export.to_file(path, DAY, DAY)
    size = path.stat().st_size
    assert (report.events, report.written_bytes, report.files) == (len(LINES), size, [str(path)])
    assert report.line_bytes == sum(map(len, LINES)) + len(LINES)
    assert names(tmp_path) == [path.name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    imported = await client.import_events(path)
    assert (imported.imported, imported.rejected) == (len(LINES), 0)
    assert sorted(map(properties, server.imported)) == sorted(map(properties, LINES))
    assert sorted(orjson.loads(one)["event"] for one in server.imported) == sorted(
        orjson.loads(one)["event"] for one in LINES
    )


@pytest.mark.parametrize("suffix", FORMATS)
async def test_the_same_events_give_the_same_bytes(
    suffix: str, server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """A file depends on its events alone, not on the pieces in which they arrived."""
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    await client.export.to_file(first, DAY, DAY)
    server.piece_bytes = 777
    await client.export.to_file(second, DAY, DAY)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("suffix", FORMATS)
async def test_an_export_without_events_is_a_valid_file(
    suffix: str, server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """A day without events gives a file that an import reads."""
    server.days.clear()
    path = tmp_path / f"a.{suffix}"
    assert (await client.export.to_file(path, DAY, DAY)).events == 0
    imported = await client.import_events(path)
    assert (imported.read, imported.rejected, imported.error) == (0, 0, "")


@pytest.mark.parametrize("suffix", TABLES)
async def test_chosen_properties_are_typed_columns(
    suffix: str, server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """A chosen property is a column of its type; what does not fit is null there and still in the properties."""
    server.days[DAY] = [
        line(1, b',"plan":"pro","price":2,"ok":true,"at":"2023-11-14T00:00:00Z"'),
        line(2, b',"plan":7,"price":"x","ok":1,"at":"later"'),
        b'{"event":"Other","properties":{"time":1.5,"distinct_id":12,"$insert_id":null}}',
        b'{"properties":{"time":"x"},"event":"Turned"}',
    ]
    path = tmp_path / f"a.{suffix}"
    await client.export.to_file(path, DAY, DAY, columns=["plan", "price:integer", "ok:boolean", "at:time"])
    if suffix == "parquet":
        table = pq.read_table(path)
        assert list(map(str, table.schema.types)) == [
            "string", "timestamp[ms, tz=UTC]", "string", "string", "string",
            "string", "int64", "bool", "timestamp[ms, tz=UTC]",
        ]  # fmt: skip
        assert table.schema.metadata[b"mixpanel_async.layout"] == b"events 1"
        rows = [
            [str(value) if hasattr(value, "year") else value for value in row.values()] for row in table.to_pylist()
        ]
    else:
        header, *rows = [list(row) for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))]
        assert header == [
            "event", "time", "distinct_id", "insert_id", "properties", "plan", "price", "ok", "at",
        ]  # fmt: skip
    without_text = [[*row[:4], *row[5:]] for row in rows]
    if suffix == "parquet":
        assert without_text == [
            ["Seen", "2023-11-14 22:13:21+00:00", "u1", "i1", "pro", 2, True, "2023-11-14 00:00:00+00:00"],
            ["Seen", "2023-11-14 22:13:22+00:00", "u2", "i2", None, None, None, None],
            ["Other", "1970-01-01 00:00:01.500000+00:00", "12", None, None, None, None, None],
            ["Turned", None, None, None, None, None, None, None],
        ]
    else:
        assert without_text == [
            ["Seen", "2023-11-14T22:13:21.000Z", "u1", "i1", "pro", "2", "true", "2023-11-14T00:00:00.000Z"],
            ["Seen", "2023-11-14T22:13:22.000Z", "u2", "i2", "", "", "", ""],
            ["Other", "1970-01-01T00:00:01.500Z", "12", "", "", "", "", ""],
            ["Turned", "", "", "", "", "", "", ""],
        ]
    assert [row[4].encode() for row in rows] == [
        each.split(b'"properties":')[1].removesuffix(b',"event":"Turned"}').removesuffix(b"}") + b"}" * (n == 3)
        if n == 3
        else properties(each)[:-1]
        for n, each in enumerate(server.days[DAY])
    ]


async def test_time_in_ms(server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """With times in milliseconds, the column has the same times."""
    server.days[DAY] = [line(1).replace(b"1700000001", b"1700000001123")]
    await client.export.to_file(tmp_path / "a.parquet", DAY, DAY, time_in_ms=True)
    assert str(pq.read_table(tmp_path / "a.parquet")["time"][0]) == "2023-11-14 22:13:21.123000+00:00"


@pytest.mark.parametrize("suffix", TABLES)
@pytest.mark.parametrize(
    "odd", [b'{"event":"A","properties":{},"more":1}', b'{"event":"A"}', b'{"event":"A","properties":[]}']
)
async def test_what_no_table_can_hold(
    suffix: str, odd: bytes, server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """An event that would lose something in a table is refused with what to do, and no file appears."""
    server.days[DAY] = [line(1), odd, line(2)]
    with pytest.raises(OutputError, match=r"event 2 of the export .*; export as NDJSON"):
        await client.export.to_file(tmp_path / f"a.{suffix}", DAY, DAY)
    assert names(tmp_path) == []


@pytest.mark.parametrize("suffix", ["ndjson.gz", "csv", "parquet"])
async def test_bad_lines(suffix: str, server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A line that is no event raises, or is given to the caller's function and left out, in every format."""
    server.days[DAY] = [line(1), b'{"event":"A","properties":{"x":NaN}}', line(2)]
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(UnreadableEventError):
        await client.export.to_file(path, DAY, DAY)
    assert names(tmp_path) == []
    bad: list[bytes] = []
    report = await client.export.to_file(path, DAY, DAY, on_bad_line=lambda one: bad.append(one.line))
    assert (report.events, bad) == (2, [server.days[DAY][1]])
    if suffix != "ndjson.gz":
        with pytest.raises(InvalidArgumentError, match='"keep" keeps lines'):
            await client.export.to_file(tmp_path / f"b.{suffix}", DAY, DAY, on_bad_line="keep")


@pytest.mark.parametrize("suffix", ["ndjson", "csv.zst", "parquet"])
async def test_a_cut_reply_is_asked_for_again(
    suffix: str, server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """After a truncated reply the file is written anew, and no event is in it twice; the progress counts it once."""
    server.cut[DAY] = 2
    seen: list[ExportProgress] = []
    path = tmp_path / f"a.{suffix}"
    report = await client.export.to_file(path, DAY, DAY, on_progress=seen.append)
    assert (report.events, len(server.asked)) == (len(LINES), 3)
    assert (seen[-1].events, seen[-1].files) == (len(LINES), 1)
    assert (await client.import_events(path)).imported == len(LINES)


@pytest.mark.parametrize("suffix", FORMATS)
async def test_an_existing_file_stays(
    suffix: str, server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """Without `overwrite`, an existing file is refused before anything is requested; with it, it is replaced."""
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        await client.export.to_file(path, DAY, DAY)
    assert (path.read_bytes(), server.asked) == (b"precious", [])
    await client.export.to_file(path, DAY, DAY, overwrite=True)
    assert (await client.import_events(path)).imported == len(LINES)


async def test_columns_of_any_name(client: AsyncMixpanel, server: ExportServer, tmp_path: pathlib.Path) -> None:
    """A property can be a column whatever its name: with quotes, backslashes, dots or line ends."""
    columns = ['q"uote', "back\\slash", "line\nend", "a.b", "\U0001f600", "chosen0", "$chosen0", " "]
    lines = [
        line(1, b"".join(b",%b:%b" % (orjson.dumps(name), orjson.dumps(f"v{n}")) for n, name in enumerate(columns)))
    ]
    server.days = {DAY: [*lines, line(2), line(3, b',"chosen0":7,"$chosen0":"x"')]}
    for suffix in ("csv", "parquet"):
        path = tmp_path / f"a.{suffix}"
        await client.export.to_file(path, DAY, DAY, columns=columns)
        assert (await client.import_events(path)).imported == 3
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [[row[name] for name in columns] for row in rows] == [
        [f"v{n}" for n in range(len(columns))],
        [None] * len(columns),
        [*[None] * 6, "x", None],
    ]


async def test_what_is_no_file(server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """A pipe, a dangling link and an empty path are refused, and nothing is requested."""
    pipe, link = tmp_path / "pipe.csv", tmp_path / "link.csv"
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="not a regular file"):
        await client.export.to_file(pipe, DAY, DAY, overwrite=True)
    with pytest.raises(OutputError, match="exists already"):
        await client.export.to_file(link, DAY, DAY)
    with pytest.raises(InvalidArgumentError, match="path is invalid"):
        await client.export.to_file("", DAY, DAY)
    with pytest.raises(InvalidArgumentError, match="unknown option colour"):
        await client.export.to_file(tmp_path / "a.csv", DAY, DAY, colour="red")  # type: ignore[call-arg]
    with pytest.raises(InvalidArgumentError, match="NDJSON has no columns"):
        await client.export.to_file(tmp_path / "a.ndjson", DAY, DAY, columns=["plan"])
    assert server.asked == []


async def test_an_open_file(server: ExportServer, client: AsyncMixpanel) -> None:
    """An open file takes any format; a truncated reply is not asked for again, because its start was written."""
    forms: tuple[OutputFormat, ...] = ("ndjson", "csv.gz", "parquet")
    for form in forms:
        file = io.BytesIO()
        report = await client.export.to_file(file, DAY, DAY, format=form)
        assert (report.events, report.files, report.written_bytes) == (len(LINES), [], len(file.getvalue()))
        file.seek(0)
        if form != "parquet":  # which is read from files only
            imported = await client.import_events(file, format=form.partition(".")[0])  # type: ignore[arg-type]
            assert imported.imported == len(LINES)
    server.cut[DAY] = 1
    asked = len(server.asked)
    with pytest.raises(TruncatedReplyError):
        await client.export.to_file(io.BytesIO(), DAY, DAY)
    assert len(server.asked) == asked + 1


async def test_a_store(server: ExportServer, client: AsyncMixpanel) -> None:
    """An address takes any format; the object appears as a whole, and is not replaced without `overwrite`."""
    base = f"memory://{uuid.uuid4().hex}"
    store = fsspec.filesystem("memory")
    for suffix in ("ndjson.zst", "csv", "parquet"):
        address = f"{base}/deep/a.{suffix}"
        report = await client.export.to_file(address, DAY, DAY)
        assert (report.events, report.files) == (len(LINES), [address])
        assert (await client.import_events(address)).imported == len(LINES)
        with pytest.raises(OutputError, match="exists already"):
            await client.export.to_file(address, DAY, DAY)
        await client.export.to_file(address, DAY, DAY, overwrite=True)
    server.cut[DAY] = 99
    with pytest.raises(TruncatedReplyError):
        await client.export.to_file(f"{base}/b.csv", DAY, DAY)
    assert [each.rpartition("/")[2] for each in store.find(base.removeprefix("memory:/"))] == [
        "a.csv", "a.ndjson.zst", "a.parquet",
    ]  # fmt: skip


async def test_a_store_that_fails(client: AsyncMixpanel, tmp_path: pathlib.Path) -> None:
    """What a driver raises is an OutputError without secrets; an address of a web server is refused."""
    with pytest.raises(OutputError, match=r"ftp://127\.0\.0\.1:1.* ConnectionRefusedError"):
        await client.export.to_file("ftp://user:hunter2hunter2@127.0.0.1:1/a.csv", DAY, DAY)
    with pytest.raises(OutputError) as caught:
        await client.export.to_file("nowhere://user:hunter2hunter2@host/a.csv", DAY, DAY)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(InvalidArgumentError, match="web server"):
        await client.export.to_file("https://example.com/a.csv", DAY, DAY)
    await client.export.to_file(f"file://{tmp_path}/a.csv", DAY, DAY)
    assert names(tmp_path) == ["a.csv"]


async def test_what_is_not_installed(
    server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A format whose package is missing is refused before anything is requested, with the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"mixpanel-async\[arrow\]\""):
        await client.export.to_file(tmp_path / "a.parquet", DAY, DAY)
    monkeypatch.setattr(compression, "_MODULES", ("no_such_module",))
    with pytest.raises(MissingExtraError, match=r"pip install \"mixpanel-async\[zstd\]\""):
        await client.export.to_file(tmp_path / "a.csv.zst", DAY, DAY)
    assert (server.asked, names(tmp_path)) == ([], [])


async def test_a_cancelled_export_leaves_nothing(
    server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """Whenever an export is cancelled, no file is there."""
    server.piece_bytes = 100
    for turns in (0, 1, 2, 5, 20, 60):
        task = asyncio.create_task(client.export.to_file(tmp_path / "a.parquet", DAY, DAY))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert names(tmp_path) == []


async def test_refusals_that_end_and_that_do_not(tmp_path: pathlib.Path) -> None:
    """A 429 that somebody else caused is waited for, for longer than an hour and then no more."""
    left = [8]

    def refuse(_: str) -> tuple[int, bytes] | None:
        left[0] -= 1
        return (429, b'{"error":"too many"}') if left[0] >= 0 else None

    server, clock = ExportServer({DAY: LINES}, refuse), FastClock(10_000)
    async with server.client(clock) as client:
        report = await client.export.to_file(tmp_path / "a.ndjson", DAY, DAY)
        assert (report.events, report.waited_seconds > 59) == (len(LINES), True)
        left[0] = 10**6
        began = len(clock.slept)
        with pytest.raises(RateLimitedError):
            await client.export.to_file(tmp_path / "b.ndjson", DAY, DAY)
        assert 3600 < sum(clock.slept[began:]) < 3 * 3600


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(
        st.tuples(
            st.text(max_size=8),
            st.dictionaries(
                st.text(max_size=5) | st.sampled_from(["time", "distinct_id", "$insert_id", "event", "properties"]),
                st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=9)
                | st.floats(allow_nan=False, allow_infinity=False) | st.lists(st.text(max_size=3), max_size=2),
                max_size=5,
            ),
        ),
        max_size=20,
    )
)  # fmt: skip
async def test_any_event_is_in_every_table(events: list[tuple[str, dict[str, object]]], tmp_path: pathlib.Path) -> None:
    """Whatever the names and properties, CSV and Parquet hold the properties of each event byte for byte."""
    lines = [orjson.dumps({"event": event, "properties": own}) for event, own in events]
    server = ExportServer({DAY: lines})
    async with server.client() as client:
        for suffix in ("csv", "csv.gz", "parquet"):
            path = tmp_path / f"a.{suffix}"
            await client.export.to_file(path, DAY, DAY, overwrite=True, columns=["$insert_id", "a:number"])
            if suffix == "parquet":
                found = [(row["event"], row["properties"]) for row in pq.read_table(path).to_pylist()]
            else:
                data = path.read_bytes() if suffix == "csv" else gzip.decompress(path.read_bytes())
                found = [(row[0], row[4]) for row in csv.reader(io.StringIO(data.decode(), newline=""))][1:]
            assert found == [(event, orjson.dumps(own).decode()) for event, own in events]


@pytest.mark.parametrize("suffix", TABLES)
@pytest.mark.parametrize(
    "odd",
    [
        b' {"event":"E","properties":{"time":1,"distinct_id":"u"}}',
        b'{"event":"E","properties":{"time":1,"distinct_id":"u"}}\r',
        b'{"event":"E" , "properties" : {"time":1,"distinct_id":"u"} }',
        b'{"properties":{"time":1,"distinct_id":"u"},"event":"E"}',
        b'{"ev\\u0065nt":"E","properties":{"time":1,"distinct_id":"u"}}',
        b'{"event":"E","properties":{"time":1,"distinct_id":"u"},"properties":{"time":1,"distinct_id":"u"}}',
        b'{"event":"E","properties":{"time":1e300,"distinct_id":{}}}',
        b'{"event":"E","properties":{"time":true,"distinct_id":[]}}',
        b'{"event":"E","properties":{"a":{"}}":1}}}',
        b'{"event":"","properties":{}}',
        b'{"event":"E","properties":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}",
    ],
)
async def test_lines_written_in_other_ways(
    suffix: str, odd: bytes, server: ExportServer, client: AsyncMixpanel, tmp_path: pathlib.Path
) -> None:
    """However a line is written, a table holds its event; what an import reads of it is the same JSON."""
    server.days[DAY] = [line(1), odd, line(2)]
    path = tmp_path / f"a.{suffix}"
    assert (await client.export.to_file(path, DAY, DAY)).events == 3
    if suffix == "parquet":
        row = pq.read_table(path, columns=["event", "properties"]).to_pylist()[1]
        event, own = row["event"], row["properties"]
    else:
        cells = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))[2]
        event, own = cells[0], cells[4]
    again = b'{"event":%b,"properties":%b}' % (orjson.dumps(event), own.encode())
    assert orjson.loads(again) == orjson.loads(odd)
