"""Files at URLs: a store in memory, and a web server with the quirks of real web servers."""

import asyncio
import gzip
import itertools
import logging
import pathlib
import re
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import fsspec  # type: ignore[import-untyped]
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from aiohttp import web
from backports import zstd

from mixpanel_async import AsyncMixpanel, ImportReport, ServiceAccount, Settings, remote
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError, SourceError
from mixpanel_async.redaction import is_remote, shown
from tests.records import NOON, event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
COUNT = 30_000
LINES = ndjson([event(number, text="x" * 300) for number in range(COUNT)])
PASSWORD, SIGNATURE = "pass-4711-word", "signature-0815"


Put = Callable[[str, str, bytes], str]


def basic(user: str) -> str:
    return f"Basic {b64encode(f'{user}:{PASSWORD}'.encode()).decode()}"


class Site:
    """A web server for files.

    Attributes:
        files: Path to content.
        is_ranged: Whether it gives parts of files.
        is_sized: Whether it says how long a file is.
        says_so: Whether it says that it gives parts, or does not.
        break_at: Where in a file the connection breaks, once.
        status: Instead of files.
        url: Where it is.
        requests: What it was asked: method and range.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.is_ranged = True
        self.is_sized = True
        self.says_so = True
        self.break_at: int | None = None
        self.status = 200
        self.user: str | None = None
        self.url = ""
        self.requests: list[tuple[str, str | None]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        wanted = request.headers.get("Range")
        self.requests.append((request.method, wanted))
        if (
            self.user
            and request.headers.get("Authorization")
            != f"Basic {b64encode(f'{self.user}:{PASSWORD}'.encode()).decode()}"
        ):
            return web.Response(status=401)
        if self.status != 200:
            return web.Response(status=self.status)
        if request.path not in self.files:
            return web.Response(status=404)
        content, first, status = self.files[request.path], 0, 200
        if wanted and self.is_ranged:
            start, end = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
            first, status, content = start, 206, content[start : end + 1]
        response = web.StreamResponse(status=status, headers={"ETag": '"one"'} if self.is_sized else {})
        if self.says_so:
            response.headers["Accept-Ranges"] = "bytes" if self.is_ranged else "none"
        if self.is_sized:
            response.content_length = len(content)
        await response.prepare(request)
        if request.method == "GET":
            await self._send(request, response, content, first)
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, content: bytes, first: int) -> None:
        if self.break_at is not None and first <= self.break_at < first + len(content):
            await response.write(content[: self.break_at - first])
            self.break_at = None
            assert request.transport is not None
            request.transport.close()
            return
        await response.write(content)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


def url(site: Site, path: str, *, user: str = "", query: str = "") -> str:
    """Return the address of a file, with a password and a signature where they are asked for."""
    address = site.url
    if user:
        address = address.replace("//", f"//{user}:{PASSWORD}@")
    return f"{address}{path}{query and '?' + query}"


@pytest.fixture
def memory() -> Iterator[Callable[[str, bytes], str]]:
    """Write a file into a store in memory; return its address."""
    store: Any = fsspec.filesystem("memory")

    def write(path: str, content: bytes) -> str:
        store.pipe(path, content)
        return f"memory://{path}"

    yield write
    store.rm("/", recursive=True)


@pytest.fixture
def put(memory: Callable[[str, bytes], str], site: Site) -> Put:
    """Put a file to a place: memory, or a web server that gives no parts, or does not say that, or gives no size."""

    def put(place: str, path: str, content: bytes) -> str:
        site.files[path] = content
        site.is_ranged, site.is_sized = not place.startswith("no ranges"), place != "no size"
        site.says_so = place != "no ranges, unsaid"
        return memory(path, content) if place == "memory" else url(site, path)

    return put


async def ids(emulator: Emulator) -> set[str]:
    return {e["properties"]["$insert_id"] for e in await emulator.events()}


def parquet(count: int) -> bytes:
    rows = [{"event": "A", "time": NOON, "distinct_id": "u", "$insert_id": f"id-{n}"} for n in range(count)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=700)
    return bytes(sink.getvalue())


CONTENTS: dict[str, bytes] = {
    "a.ndjson": LINES,
    "a.ndjson.gz": gzip.compress(LINES),
    "b.ndjson.zst": zstd.compress(LINES),
    "no-name": gzip.compress(LINES),
    "a.json": b"[" + LINES.replace(b"\n", b",")[:-1] + b"]",
    "a.csv": b"event,time,distinct_id,$insert_id,text\n"
    + b"".join(b"A,%d,u,id-%d,%0250d\n" % (NOON, n, n) for n in range(COUNT)),
    "a.parquet": parquet(COUNT),
}


@pytest.mark.parametrize("place", ["memory", "http", "no ranges", "no ranges, unsaid", "no size"])
@pytest.mark.parametrize("name", CONTENTS)
async def test_every_format(emulator: Emulator, mp: AsyncMixpanel, put: Put, name: str, place: str) -> None:
    """Files at URLs are read like files on disk, in every format and compression."""
    address = put(place, f"/dir/{name}", CONTENTS[name])
    if name == "a.parquet" and place not in {"memory", "http"}:
        with pytest.raises(SourceError, match="Parquet can only be read from a regular file"):
            await mp.import_events(address)
        return
    report = await mp.import_events(address)
    assert (report.read, report.imported, report.error) == (COUNT, COUNT, "")
    assert report.source == address
    assert len(await ids(emulator)) == COUNT


@pytest.mark.parametrize(
    ("name", "place"),
    [
        *itertools.product(["a.ndjson", "a.ndjson.gz", "b.ndjson.zst", "a.parquet"], ["memory", "http"]),
        *itertools.product(["a.ndjson", "a.ndjson.gz"], ["no ranges", "no ranges, unsaid"]),
    ],
)
async def test_going_on(emulator: Emulator, put: Put, name: str, place: str, tmp_path: pathlib.Path) -> None:
    """A stopped import resumes from its checkpoint; an uncompressed file is not read from its start again."""
    address = put(place, f"/{name}", CONTENTS[name])
    settings = Settings(linger_seconds=0.05, max_batch_records=500)
    for stops in (True, False):
        stop = asyncio.Event()
        async with AsyncMixpanel("token", base_url=emulator.url, settings=settings) as mp:

            def see(_: object, mp: AsyncMixpanel = mp, stop: asyncio.Event = stop, *, stops: bool = stops) -> None:
                if stops and mp.stats.requests:
                    stop.set()

            job: Any = {"checkpoint": tmp_path / "checkpoint", "stop": stop, "concurrency": 2, "on_progress": see}
            report = await mp.import_events(address, **job)
    assert 0 < report.resumed < COUNT
    assert (report.read, report.imported) == (COUNT, COUNT)
    assert len(await ids(emulator)) == COUNT


async def test_going_on_without_reading_again(mp: AsyncMixpanel, site: Site, tmp_path: pathlib.Path) -> None:
    """An uncompressed file is read from the checkpoint on; of the bytes before, only the head is fetched."""
    site.files["/a.ndjson"] = LINES
    site.break_at = len(LINES) - 1000
    job: Any = {"checkpoint": tmp_path / "checkpoint"}
    await mp.import_events(url(site, "/a.ndjson"), **job)
    site.requests.clear()
    report = await mp.import_events(url(site, "/a.ndjson"), **job)
    assert report.imported == COUNT
    starts = [int(found.removeprefix("bytes=").split("-")[0]) for _, found in site.requests if found]
    assert starts.count(0) == 2  # to know the file again, and to find out what it is
    assert next(start for start in starts if start not in {0, len(LINES) - 1}) > 5_000_000


async def test_patterns_and_directories(
    emulator: Emulator, mp: AsyncMixpanel, memory: Callable[[str, bytes], str]
) -> None:
    """A pattern means the files that match it, a directory its files of known formats, both sorted."""
    for number, path in enumerate(["/b/2024/1.ndjson", "/b/2024/2.ndjson", "/b/2023/1.ndjson", "/b/2024/readme.txt"]):
        memory(path, ndjson([event(number)]))
    report = await mp.import_events("memory://b/20*/1.ndjson")
    assert (report.read, await ids(emulator)) == (2, {"id-0", "id-2"})
    await emulator.reset()
    for address in ("memory://b/2024", "memory://b/2024/"):
        report = await mp.import_events(address)
        assert report.source == "memory:///b/2024/1.ndjson and 1 more"
        assert await ids(emulator) == {"id-0", "id-1"}
    memory("/b/none/readme.txt", b"")
    for address, message in {
        "memory://b/*.csv": "no file matches this pattern",
        "memory://b/none": "has no NDJSON",
        "memory://b/missing.ndjson": "there is no such file",
    }.items():
        with pytest.raises(SourceError, match=f"^{re.escape(address)}: .*{message}"):
            await mp.import_events(address)


async def test_profiles_letters_and_lookup_tables(
    emulator: Emulator, mp: AsyncMixpanel, memory: Callable[[str, bytes], str], tmp_path: pathlib.Path
) -> None:
    """Profiles, dead letters and lookup tables can be read from URLs as well."""
    await mp.import_profiles(memory("/p.ndjson", b'{"$distinct_id": "ann", "$set": {"plan": "pro"}}\n'))
    assert (await emulator.profiles())["ann"]["plan"] == "pro"
    dead = tmp_path / "dead"
    await mp.import_events(memory("/e.ndjson", ndjson([event(1, time=...)])), dead_letters=dead)
    letters = dead.read_bytes().replace(b'"distinct_id"', b'"time":%d,"distinct_id"' % NOON)
    assert (await mp.replay_dead_letters(memory("/dead", letters))).imported == 1
    account = ServiceAccount("user", "secret")
    async with AsyncMixpanel(credentials=account, project_id=1, base_url=emulator.url) as admin:
        await admin.lookup_tables.replace("airports", memory("/airports.csv", b"id,name\n1,Bonn\n"))
        assert (await emulator.lookup_tables())["airports"] == "id,name\n1,Bonn\n"
        with pytest.raises(SourceError, match="there is no such file"):
            await admin.lookup_tables.replace("airports", "memory://none.csv")


@pytest.mark.parametrize("is_ranged", [True, False])
@pytest.mark.parametrize("name", ["a.ndjson", "a.csv"])
async def test_a_server_that_dies_in_mid_file(
    emulator: Emulator, mp: AsyncMixpanel, site: Site, tmp_path: pathlib.Path, name: str, *, is_ranged: bool
) -> None:
    """Records before the failure are delivered and settled, the report says why, and the next run resumes."""
    content = LINES if name == "a.ndjson" else CONTENTS["a.csv"]
    site.files["/" + name] = content
    site.is_ranged = is_ranged
    site.break_at = len(content) - 1000
    job: Any = {"checkpoint": tmp_path / "checkpoint"}
    report = await mp.import_events(url(site, "/" + name, query=f"sig={SIGNATURE}"), **job)
    assert re.match(rf"http://127.0.0.1:\d+/{name}\?\.\.\.: cannot be read: ", report.error)
    assert report.exit_status == 1
    assert report.read == report.imported < COUNT
    report = await mp.import_events(url(site, "/" + name, query=f"sig={SIGNATURE}2"), **job)
    assert (report.read, report.imported, report.error) == (COUNT, COUNT, "")
    assert len(await ids(emulator)) == COUNT


def test_a_file_that_became_shorter(memory: Callable[[str, bytes], str]) -> None:
    """A truncated download is not mistaken for the end of the file."""
    address = memory("/a.ndjson", LINES)
    (file,) = remote.find(address, lambda _: True)
    assert file.stored_bytes() == len(LINES)
    memory("/a.ndjson", LINES[:1000])
    with file.open() as opened, pytest.raises(OSError, match="ended after 1,000 of"):
        opened.read()


async def test_changes_are_refused(
    mp: AsyncMixpanel, memory: Callable[[str, bytes], str], tmp_path: pathlib.Path
) -> None:
    """A checkpoint is refused for another URL or another content."""
    job: Any = {"checkpoint": tmp_path / "checkpoint"}
    await mp.import_events(memory("/a.ndjson", ndjson([event(1)])), **job)
    memory("/a.ndjson", ndjson([event(2)]))
    with pytest.raises(InvalidArgumentError, match="has changed since"):
        await mp.import_events("memory:///a.ndjson", **job)
    with pytest.raises(InvalidArgumentError, match=r"belongs to .*a\.ndjson"):
        await mp.import_events(memory("/b.ndjson", ndjson([event(1)])), **job)


async def import_what(mp: AsyncMixpanel, address: str, job: Any) -> ImportReport | Exception:  # noqa: ANN401
    try:
        return await mp.import_events(address, **job)
    except (SourceError, InvalidArgumentError) as error:
        return error


@pytest.mark.parametrize("problem", ["", "401", "403", "500", "missing", "breaks", "changed", "bad record", "gone"])
async def test_secrets_stay_secret(
    mp: AsyncMixpanel, site: Site, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture, problem: str
) -> None:
    """Passwords and signatures of URLs never reach logs, errors, reports, checkpoints or dead letters."""
    caplog.set_level(logging.DEBUG)
    site.files["/a.ndjson"] = LINES + (b"bad\n" if problem == "bad record" else b"")
    site.user = "somebody" if problem == "401" else "user-0007"
    site.status = int(problem) if problem.isdecimal() and problem != "401" else 200
    site.break_at = len(LINES) - 1000 if problem == "breaks" else None
    path = "/b.ndjson" if problem == "missing" else "/a.ndjson"
    address = url(site, path, user="user-0007", query=f"X-Sig={SIGNATURE}&Expires=1700000000")
    if problem == "gone":
        address = re.sub(r":\d+/", ":1/", address)
    job: Any = {"checkpoint": tmp_path / "checkpoint", "dead_letters": tmp_path / "dead", "probe": True}
    found = await import_what(mp, address, job)
    if problem == "changed":
        site.files["/a.ndjson"] = LINES[1:]
        found = await import_what(mp, address, job)
    assert (found.exit_status == 0 if isinstance(found, ImportReport) else False) == (problem == "")
    said = [repr(found), str(found), caplog.text, *(str(vars(record)) for record in caplog.records)]
    said += [(tmp_path / name).read_text() for name in ("checkpoint", "dead") if (tmp_path / name).exists()]
    for text in said:
        assert not {word for word in (PASSWORD, SIGNATURE, "user-0007", "1700000000") if word in text}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("s3://bucket/a?.json", "s3://bucket/a?.json"),
        ("s3://key:secret@bucket/a/*.gz", "s3://bucket/a/*.gz"),
        ("s3://bucket/a.json?versionId=x", "s3://bucket/a.json?..."),
        ("https://host/a.csv?X-Amz-Signature=abc&b=c", "https://host/a.csv?..."),
        ("https://token@host:8080/a.csv#part", "https://host:8080/a.csv?..."),
        ("https://host?mail=a@b", "https://b"),
        ("https://user:p?w#d@host/a.csv", "https://host/a.csv"),
        ("abfs://container@account.dfs.core.windows.net/a", "abfs://container@account.dfs.core.windows.net/a"),
        ("abfs://container:key@account/a", "abfs://container@account/a"),
        ("simplecache::https://u:p@host/a?sig=b", "simplecache::https://host/a?..."),
        ("zip://a.csv::s3://u:p@bucket/a.zip", "zip://a.csv::s3://bucket/a.zip"),
        ("/data/a?sig=b.csv", "/data/a?sig=b.csv"),
        ("C://data/a.csv", "C://data/a.csv"),
    ],
)
def test_names(address: str, name: str) -> None:
    """The displayed name of a URL says where the file is, without credentials."""
    assert shown(address) == name
    assert is_remote(address) == (address[0] not in "/C")


@pytest.mark.parametrize(
    ("address", "missing", "message"),
    [
        ("memory://a", "fsspec", r'memory://a: .*pip install "mixpanel-async\[remote\]"'),
        ("s3://bucket/a", "s3fs", r's3://bucket/a: .*pip install "mixpanel-async\[remote\]" s3fs'),
        ("nowhere://a", None, 'unsupported URL scheme "nowhere"'),
    ],
)
async def test_what_is_missing(
    mp: AsyncMixpanel, monkeypatch: pytest.MonkeyPatch, address: str, missing: str | None, message: str
) -> None:
    """A missing driver or an unknown scheme is reported with what to do."""
    if missing is not None:
        for name in (missing, f"{missing}.core"):
            monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(SourceError, match=message):
        await mp.import_events(address)


async def test_the_loop_goes_on(mp: AsyncMixpanel, monkeypatch: pytest.MonkeyPatch) -> None:
    """All work of a store, including listing files, runs on the reading thread."""
    threads = set()
    real = remote.filesystem_of

    class Noting:
        def __init__(self, inner: Any) -> None:  # noqa: ANN401
            self._inner = inner

        def __getattr__(self, name: str) -> object:
            threads.add(threading.current_thread().name)
            return getattr(self._inner, name)

    def noting(address: str, name: str) -> tuple[object, str]:
        filesystem, path = real(address, name)
        return Noting(filesystem), path

    monkeypatch.setattr(remote, "filesystem_of", noting)
    store: Any = fsspec.filesystem("memory")
    store.pipe("/loop/a.ndjson", ndjson([event(1)]))
    assert (await mp.import_events("memory://loop/*.ndjson")).imported == 1
    store.rm("/loop", recursive=True)
    assert threads == {"mixpanel_async-read"}


async def test_names_that_are_equal(emulator: Emulator, mp: AsyncMixpanel, site: Site) -> None:
    """Files whose URLs differ only in hidden parts have different names in positions."""
    site.files["/a"] = ndjson([event(1)]) + b"bad\n"
    report = await mp.import_events([url(site, "/a", query="id=1"), url(site, "/a", query="id=2")])
    assert [example.position for example in report.examples] == [
        f"{url(site, '/a')}?...:2",
        f"{url(site, '/a')}?... (2):2",
    ]
    assert await ids(emulator) == {"id-1"}
