"""What the page asks for, over HTTP: its files, the stream of changes, whole records, seeds, and who may ask."""

import asyncio
import gzip
import json
import pathlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import aiohttp
import orjson
import pytest

from mixpanel_async.emulator import Emulator, EmulatorSettings, InjectedFault
from mixpanel_async.emulator.http.own_pages import is_own_host
from mixpanel_async.errors import InvalidSettingError
from tests.integration.emulator.api import NOON, Api, event

ROOT = pathlib.Path(__file__).parents[3]
STATIC = ROOT / "mixpanel_async" / "emulator" / "page" / "static"


class Reader:
    """Reads server-sent events of the stream."""

    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self.reply = reply
        self.last_id = ""

    async def next(self) -> dict[str, Any]:
        """Return the next message."""
        async with asyncio.timeout(10):
            while True:
                line = await self.reply.content.readuntil(b"\n")
                if line.startswith(b"id: "):
                    self.last_id = line[4:].decode().strip()
                if line.startswith(b"data: "):
                    message: dict[str, Any] = orjson.loads(line[6:])
                    return message


class Streams:
    """Opens streams, and closes them at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._readers: list[Reader] = []

    async def open(self, last_id: str = "", **query: str) -> Reader:
        """Open a stream."""
        headers = {"Last-Event-ID": last_id} if last_id else {}
        url = f"{self._api.emulator.url}/_admin/stream"
        reply = await self._api.session.get(url, params=query, headers=headers, read_bufsize=2**20)
        self._readers.append(Reader(reply))
        assert reply.status == 200
        assert reply.content_type == "text/event-stream"
        return self._readers[-1]

    def close(self) -> None:
        for reader in self._readers:
            reader.reply.close()


@pytest.fixture
def streams(api: Api) -> Iterator[Streams]:
    own = Streams(api)
    yield own
    own.close()


def numbers(lines: dict[str, Any]) -> list[int]:
    return [row["number"] for row in lines["rows"]]


async def test_the_page_and_its_files(api: Api) -> None:
    """The page loads only the server's own files, which no path but their own reaches, under a strict policy."""
    page = await api.call("GET", "/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "http" not in page.text.replace("http-equiv", "")
    for file in STATIC.iterdir():
        if file.name != "index.html":
            got = await api.call("GET", f"/_admin/page/{file.name}")
            assert (got.status, got.body) == (200, file.read_bytes())
            assert got.headers["X-Content-Type-Options"] == "nosniff"
    for path in (
        "/_admin/page/index.html",
        "/_admin/page/",
        "/_admin/page/..%2f..%2fserver.py",
        "/_admin/page/%2e%2e/x",
    ):
        assert (await api.call("GET", path)).status == 404


def test_the_files_hold_nothing_foreign() -> None:
    """No file of the page names another server, and no script makes markup from text."""
    for file in STATIC.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "//cdn" not in text
        assert "http://" not in text
        assert "https://" not in text
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "srcdoc"):
            assert way not in text, (file.name, way)


def test_the_wheel_has_the_page(tmp_path: pathlib.Path) -> None:
    """A wheel contains every file of the page."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    if done.returncode != 0 and "No matching distribution found for hatchling" in done.stderr:
        pytest.skip("the build backend cannot be installed here")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {f"mixpanel_async/emulator/page/static/{file.name}" for file in STATIC.iterdir()} <= inside


async def test_the_stream_begins_with_the_newest_and_goes_on(api: Api, streams: Streams) -> None:
    """The first message has what is there; the next ones what came since."""
    await api.import_events([event(0), event(1, time=...)])
    stream = await streams.open()
    first = await stream.next()
    assert first["is_fresh"]
    assert (first["counts"]["events"], first["counts"]["rejected"]) == (1, 1)
    assert first["rejections"]["rows"][0]["field"] == "properties.time"
    assert (first["requests"]["rows"][0]["path"], first["requests"]["rows"][0]["status"]) == ("/import", 400)
    await api.import_events([event(2), event(3)])
    rows: list[int] = []
    while len(rows) < 2:
        after = await stream.next()
        assert not after["is_fresh"]
        rows = numbers(after["events"]) + rows
    assert rows == [2, 1]


async def test_the_stream_resumes(api: Api, streams: Streams) -> None:
    """A reader that comes back with Last-Event-ID gets exactly what it missed; after a reset it begins anew."""
    await api.import_events([event(0)])
    stream = await streams.open()
    await stream.next()
    stream.reply.close()
    await api.import_events([event(1), event(2)])
    again = await streams.open(stream.last_id)
    missed = await again.next()
    assert not missed["is_fresh"]
    assert (numbers(missed["events"]), numbers(missed["requests"])) == ([2, 1], [2])
    again.reply.close()
    await api.emulator.reset()
    await api.import_events([event(3)])
    anew = await (await streams.open(again.last_id)).next()
    assert anew["is_fresh"]
    assert (numbers(anew["events"]), anew["counts"]["events"]) == ([0], 1)


@pytest.mark.parametrize(
    "text", ["", "x", "a.1.2", "a.1.2.3.4", "a.-1.0.0", "a.\u00b2.0.0", "." * 50, "a.99999999999999999.0.0"]
)
async def test_a_position_that_is_none_is_a_fresh_start(streams: Streams, text: str) -> None:
    """Whatever Last-Event-ID holds, the stream starts."""
    assert (await (await streams.open(text.encode().decode("latin-1"))).next())["is_fresh"]


async def test_the_stream_is_bounded(api: Api, streams: Streams) -> None:
    """However much came, a message has a bounded number of lines and bytes, and says that there is more."""
    for start in range(0, 6000, 1000):
        await api.import_events([event(number, note="x" * 500) for number in range(start, start + 1000)])
    message = await (await streams.open()).next()
    assert len(message["events"]["rows"]) == 200
    assert message["events"]["has_more"]
    assert message["events"]["rows"][0]["number"] == 5999
    assert message["counts"]["events"] == 6000
    assert len(orjson.dumps(message)) < 400_000


async def test_messages_are_batched(api: Api, streams: Streams) -> None:
    """However many requests come, there are at most four messages a second; together they miss no new number."""
    stream = await streams.open()
    await stream.next()
    began = asyncio.get_running_loop().time()
    received = 0
    for number in range(60):
        await api.import_events([event(number)])
    seen: list[int] = []
    while 59 not in seen:
        seen = numbers((await stream.next())["events"]) + seen
        received += 1
    assert seen == list(range(59, -1, -1))
    assert received <= (asyncio.get_running_loop().time() - began) / 0.25 + 1


async def test_a_slow_reader_holds_up_nothing(api: Api, streams: Streams) -> None:
    """While a reader takes nothing, ingestion goes on, and the reader then gets the newest state, not a backlog."""
    host, port = api.emulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(f"GET /_admin/stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    await writer.drain()
    assert b"200" in await reader.readuntil(b"\r\n")
    for number in range(30):
        await api.import_events([event(number * 200 + index, note="x" * 500) for index in range(200)])
    assert len(await api.emulator.events()) == 6000
    writer.close()
    fresh = await (await streams.open()).next()
    assert fresh["events"]["rows"][0]["number"] == 5999


async def test_the_number_of_streams_is_bounded(api: Api, streams: Streams) -> None:
    """The seventeenth page gets a 503; when one closes, there is room again."""
    readers = [await streams.open() for _ in range(16)]
    refused = await api.call("GET", "/_admin/stream")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    readers[0].reply.close()
    async with asyncio.timeout(10):
        while True:
            await api.import_events([event()])  # the server notices the end when it sends
            async with api.session.get(f"{api.emulator.url}/_admin/stream") as reply:
                if reply.status == 200:
                    break


async def test_the_stream_filters(api: Api, streams: Streams) -> None:
    """A filter of the stream and of the older events matches in any case, and takes nothing as a pattern or as SQL."""
    names = ["Signed Up", "100% 'quoted'", "Paid"]
    await api.import_events([event(number, name, plan="Pro") for number, name in enumerate(names)])
    for query, found in (
        ({"event": "signed"}, [0]),
        ({"event": "%"}, [1]),
        ({"event": "'QUOTED'"}, [1]),
        ({"event": "_"}, []),
        ({"distinct_id": "USER-2"}, [2]),
        ({"text": '"plan":"pro"'}, [2, 1, 0]),
        ({"text": "'; DROP TABLE events; --"}, []),
        ({"text": "\0Pro"}, [2, 1, 0]),
        ({"project": "1"}, [2, 1, 0]),
        ({"project": "2"}, []),
    ):
        assert numbers((await (await streams.open(**query)).next())["events"]) == found, query
        assert numbers((await api.call("GET", "/_admin/events", query=query)).json()) == found, query
    assert (await api.call("GET", "/_admin/events", query={"project": "1 OR 1=1"})).status == 400
    assert numbers((await api.call("GET", "/_admin/events", query={"before": 2})).json()) == [1, 0]


async def test_whole_records(api: Api) -> None:
    """An event, a rejected record and a request are shown whole; numbers keep their digits, secrets are hidden."""
    good = b'{"event":"A","properties":{"time":1760000400,"distinct_id":"u","$insert_id":"i","n":9007199254740993}}'
    body = b'[%s,{"event":""}]' % good
    await api.call(
        "POST",
        "/import",
        query={"project_id": 1, "strict": 1, "api_secret": "hush-query"},
        body=gzip.compress(body),
        headers={"Content-Encoding": "gzip", "Cookie": "hush-cookie", "X-Api-Key": "hush-key", "X-Plain": "shown"},
        authorization=aiohttp.encode_basic_auth("hush-user", "hush-secret"),
    )
    assert '"n": 9007199254740993' in (await api.call("GET", "/_admin/events/0")).json()["json"]
    rejection = (await api.call("GET", "/_admin/rejections/1")).json()
    assert (rejection["field"], "non-empty" in rejection["message"]) == ("event", True)
    shown = await api.call("GET", "/_admin/requests/1")
    assert "hush" not in shown.text
    assert dict(shown.json()["headers"])["X-Plain"] == "shown"
    assert shown.json()["body"] == body.decode()
    for path in ("events/9", "rejections/9", "requests/9", "events/x", "requests/-1", "profile?project=1&kind=&id=x"):
        assert (await api.call("GET", f"/_admin/{path}")).status == 404


async def test_headers_that_are_not_text(api: Api, streams: Streams) -> None:
    """Bytes that are not UTF-8 in a header or path, and long ones, do not break the page."""
    host, port = api.emulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /\xff\xfe%ff HTTP/1.1\r\nHost: x\r\nX-A: \xff\xfe\r\nConnection: close\r\n\r\n")
    await reader.read()
    writer.close()
    await api.call("GET", "/" + "a" * 5000)
    message = await (await streams.open()).next()
    assert len(message["requests"]["rows"][0]["path"]) < 400
    assert (await api.call("GET", f"/_admin/requests/{message['requests']['rows'][0]['number']}")).status == 200


async def test_profiles_are_listed(api: Api) -> None:
    """Profiles of users and groups are listed, the newest first, with a filter, in pages of 200."""
    updates = [{"$token": "t", "$distinct_id": f"u{number}", "$set": {"n": number}} for number in range(250)]
    await api.post_json("/engage", updates)
    await api.post_json("/groups", {"$token": "t", "$group_key": "company", "$group_id": "acme", "$set": {"n": 1}})
    first = (await api.call("GET", "/_admin/profiles")).json()
    assert (first["rows"][0]["kind"], first["rows"][0]["id"], len(first["rows"]), first["has_more"]) == (
        "company", "acme", 200, True,
    )  # fmt: skip
    rest = (await api.call("GET", "/_admin/profiles", query={"offset": 200})).json()
    assert (len(rest["rows"]), rest["has_more"]) == (51, False)
    found = (await api.call("GET", "/_admin/profiles", query={"text": "U249"})).json()["rows"]
    assert [row["id"] for row in found] == ["u249"]
    whole = await api.call("GET", "/_admin/profile", query={"project": 1, "kind": "", "id": "u7"})
    assert json.loads(whole.json()["json"]) == {"n": 7}


async def test_a_report_for_the_page_is_that_of_the_query_api() -> None:
    """The page gets the reply of /api/query/segmentation without a credential, and neither limits nor faults apply."""
    settings = EmulatorSettings(project_secret="secret", project_id=7, query_per_hour=1)
    async with Emulator(settings) as emulator, aiohttp.ClientSession() as session:
        api = Api(emulator, session)
        own = aiohttp.encode_basic_auth("secret", "")
        await api.call("POST", "/import", body=orjson.dumps([event()]), authorization=own)
        asked: dict[str, str | int] = {
            "project_id": 7,
            "event": "Signed Up",
            "from_date": "2025-10-08",
            "to_date": "2025-10-10",
            "unit": "day",
        }
        public = await api.call("GET", "/api/query/segmentation", query=asked, authorization=own)
        emulator.faults.add(InjectedFault(path="*", kind="status", times=None))
        for _ in range(2):
            shown = await api.call("GET", "/_admin/query/segmentation", query=asked, authorization=None)
            assert (shown.status, shown.json()) == (200, public.json())
        assert len(emulator.requests) == 2
        names = (await api.call("GET", "/_admin/names", query={"project": 7})).json()
        assert names == [{"event": "Signed Up", "count": 1, "first_ms": NOON * 1000, "last_ms": NOON * 1000}]


async def test_one_fault_is_switched_off(api: Api, streams: Streams) -> None:
    """DELETE /_admin/faults/N removes one fault; the others stay."""
    for path in ("/track", "/import"):
        await api.post_json("/_admin/faults", {"path": path, "kind": "status", "times": None})
    message = await (await streams.open()).next()
    first = message["faults"][0]
    assert (first["path"], first["left"]) == ("/track", None)
    assert (await api.call("DELETE", f"/_admin/faults/{first['number']}")).status == 200
    assert [fault.path for fault in api.emulator.faults.pending()] == ["/import"]
    assert (await api.call("DELETE", f"/_admin/faults/{first['number']}")).status == 404


SEED = b"""
{"event": "A", "properties": {"time": 1760000400, "distinct_id": "u"}}
{"event": "A", "properties": {"time": 1760000400, "distinct_id": "u"}}
not json
{"event": "B", "properties": {"distinct_id": "u"}}
{"$distinct_id": "u", "$set": {"plan": "pro"}}
{"$distinct_id": "v", "$properties": {"plan": "free"}}
{"$group_key": "company", "$group_id": "acme", "seats": 5}
[1]
"""


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
async def test_a_seed_follows_the_rules(api: Api, pack: Any) -> None:  # noqa: ANN401 - a function of bytes
    """Events and profiles of a dropped file are stored by the rules of ingestion; what is rejected has its reason."""
    got = (await api.call("POST", "/_admin/seed", query={"name": "a.ndjson"}, body=pack(SEED))).json()
    assert got == {"name": "a.ndjson", "events": 2, "profiles": 3, "rejected": 3, "ignored": 0}
    assert await api.emulator.profiles() == {"u": {"plan": "pro"}, "v": {"plan": "free"}}
    assert await api.emulator.groups() == {("company", "acme"): {"seats": 5}}
    reasons = [(one.path, one.record, one.field) for one in api.emulator.rejections]
    assert reasons[0] == ("(file) a.ndjson", "not json", "")
    assert reasons[1][2] == "properties.time"
    assert reasons[2][1] == [1]
    assert (await api.call("GET", "/_admin/rejections/1")).json()["json"] == '"not json"'


async def test_a_seed_that_is_read_again_adds_nothing(api: Api) -> None:
    """The events of a file get the same $insert_id each time, and equal ones of a file differ."""
    for _ in range(2):
        await api.call("POST", "/_admin/seed", body=SEED)
    assert len(await api.emulator.deduplicated_events()) == 2


@pytest.mark.parametrize(
    "content",
    [
        b'[{"event":"A","properties":{"time":1760000400,"distinct_id":"u"}}]',
        b'{\n"event":"A",\n"properties":{"time":1760000400}\n}',
        b"",
    ],
    ids=["array", "one object over lines", "empty"],
)
async def test_forms_of_seeds(emulator: Emulator, tmp_path: pathlib.Path, content: bytes) -> None:
    """A file may be an array, one object, or empty."""
    (tmp_path / "seed.json").write_bytes(content)
    report = await emulator.seed(tmp_path / "seed.json")
    assert (report.events, report.rejected) == (1 if content else 0, 0)


async def test_a_seed_that_cannot_be_read(emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """A missing file and a broken gzip file are errors that name the file."""
    with pytest.raises(InvalidSettingError, match=r"missing\.json cannot be read: No such file"):
        await emulator.seed(tmp_path / "missing.json")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(SEED)[:20])
    with pytest.raises(InvalidSettingError, match=r"cut\.gz cannot be read: malformed gzip"):
        await emulator.seed(tmp_path / "cut.gz")


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1:8787", True),
        ("localhost:8787", True),
        ("LOCALHOST.:8787", True),
        ("[::1]:8787", True),
        ("127.0.0.9:8787", True),
        ("localhost:8788", False),
        ("localhost", False),
        ("evil.example:8787", False),
        ("127.0.0.1.evil.example:8787", False),
        ("localhost.evil.example:8787", False),
        ("127.0.0.1:8787@evil.example", False),
        ("evil.example/127.0.0.1:8787", False),
        ("192.168.0.9:8787", False),
        ("localhost:x", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_hosts_of_a_local_server(host: str, is_own: bool) -> None:
    """Only names and addresses of this machine, with the server's port, open the page."""
    assert is_own_host(host, "127.0.0.1", 8787) is is_own


def test_hosts_of_a_server_in_a_network() -> None:
    """A server that listens for others takes its own name and any address, which cannot be rebound."""
    for host in ("box.lan:8787", "192.168.0.9:9000", "localhost:9000"):
        assert is_own_host(host, "box.lan", 8787)
    assert not is_own_host("evil.example:8787", "0.0.0.0", 8787)  # noqa: S104 - never bound here


@pytest.mark.parametrize("path", ["/", "/_admin/state", "/_admin/stream", "/_admin/page/app.js", "/_admin/names"])
async def test_another_host_sees_nothing(api: Api, path: str) -> None:
    """DNS rebinding: under a foreign name neither the page nor its data answer; ingestion does."""
    refused = await api.call("GET", path, headers={"Host": "evil.example"})
    assert refused.status == 403
    body = orjson.dumps({"event": "A", "properties": {"token": "t"}})
    assert (await api.call("POST", "/track", body=body, headers={"Host": "evil.example"})).body == b"1"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({}, 200),
    ],
)
async def test_other_pages_change_nothing(api: Api, headers: dict[str, str], status: int) -> None:
    """CSRF: a request that another origin's page has caused is refused, whatever it would do."""
    await api.import_events([event()])
    for method, path, body in (
        ("POST", "/_admin/faults", b'{"path": "/x", "kind": "status"}'),
        ("DELETE", "/_admin/faults", None),
        ("POST", "/_admin/limits", b"{}"),
        ("POST", "/_admin/seed", b""),
        ("POST", "/_admin/reset", b""),
    ):
        assert (await api.call(method, path, body=body, headers=headers)).status == status, path
    assert len(await api.emulator.events()) == (1 if status == 403 else 0)
    own = {"Origin": api.emulator.url}
    assert (await api.call("POST", "/_admin/reset", body=b"", headers=own)).status == 200


async def test_open_streams_do_not_hold_up_the_end() -> None:
    """The server stops at once, although pages are open."""
    async with aiohttp.ClientSession() as session:
        emulator = Emulator()
        await emulator.start()
        streams = Streams(Api(emulator, session))
        await (await streams.open()).next()
        async with asyncio.timeout(1.5):
            await emulator.stop()
        streams.close()
