import asyncio
import gc
import hashlib
import pathlib
import sys
import time
import weakref

import aiohttp
import orjson
import pytest

from mixpanel_async.emulator import Emulator, EmulatorSettings, serve
from mixpanel_async.errors import MissingExtraError
from tests.integration.emulator.api import Api, HandClock, event, until


async def test_starts_quickly_and_stops_cleanly() -> None:
    """A start on a free port takes less than a second; a stop leaves no task."""
    began = time.perf_counter()
    async with Emulator() as emulator:
        assert time.perf_counter() - began < 1
        assert emulator.url.startswith("http://127.0.0.1:")
    await emulator.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_two_servers_do_not_share(api: Api) -> None:
    """Servers in one process have their own ports and data."""
    async with Emulator() as other:
        assert other.url != api.emulator.url
        await api.import_events([event()])
        assert await other.events() == []


async def test_a_file_keeps_everything(tmp_path: pathlib.Path, clock: HandClock) -> None:
    """Everything accepted before a stop is there after the next start, in the same order."""
    settings = EmulatorSettings(data=tmp_path / "emulator.duckdb")
    async with Emulator(settings, now=clock.now) as emulator, aiohttp.ClientSession() as session:
        api = Api(emulator, session)
        await api.import_events([event(0), {"event": "$merge", "properties": {"$distinct_ids": ["a", "b"]}}])
        await api.post_json("/engage", {"$token": "t", "$distinct_id": "u", "$set": {"a": 1}})
        await api.post_json("/engage", {"$token": "t", "$distinct_id": "gone", "$set": {"a": 1}})
        await api.call(
            "PUT", "/lookup-tables/t", body=b"id\n1\n", query={"project_id": 1}, headers={"Content-Type": "text/csv"}
        )
    async with Emulator(settings, now=clock.now) as emulator, aiohttp.ClientSession() as session:
        api = Api(emulator, session)
        await api.post_json("/engage", {"$token": "t", "$distinct_id": "gone", "$delete": ""})
        await api.import_events([event(1)])
    async with Emulator(settings, now=clock.now) as emulator:
        assert await emulator.events() == [event(0), event(1)]
        assert await emulator.profiles() == {"u": {"a": 1}}
        assert await emulator.lookup_tables() == {"t": "id\n1\n"}
        counts = await emulator.counts()
        assert (counts.events, counts.identities, counts.profiles) == (2, 1, 1)


async def test_a_taken_port_is_an_error_and_nothing_is_left(api: Api) -> None:
    """The start fails, and a second start on another port works."""
    port = int(api.emulator.url.rpartition(":")[2])
    taken = Emulator(EmulatorSettings(port=port))
    with pytest.raises(OSError, match="address"):
        await taken.start()
    with pytest.raises(RuntimeError):
        await taken.events()


async def test_starting_twice_is_an_error(emulator: Emulator) -> None:
    """A server that is running cannot be started again."""
    with pytest.raises(RuntimeError):
        await emulator.start()


async def test_missing_duckdb_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without DuckDB the start raises the package's own error, which gives the pip command."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtraError, match=r'pip install "mixpanel-async\[emulator\]"') as caught:
        await Emulator().start()
    assert caught.value.extra == "emulator"
    with pytest.raises(MissingExtraError):
        await serve(EmulatorSettings())


async def test_serve_runs_until_cancelled() -> None:
    """serve() reports its URL once it listens, and stops when cancelled."""
    urls: asyncio.Queue[str] = asyncio.Queue()
    serving = asyncio.ensure_future(serve(EmulatorSettings(), ready=lambda url, _: urls.put_nowait(url)))
    url = await urls.get()
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        page = await reply.text()
    assert "<title>Local Mixpanel</title>" in page
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_requests_are_logged(api: Api) -> None:
    """Each request is logged with its reply, size, digest and number of records."""
    body = orjson.dumps([event(0), event(1)])
    await api.call("POST", "/import", query={"project_id": 1, "strict": 1}, body=body)
    log = api.emulator.requests[-1]
    assert (log.method, log.path, log.query, log.status) == ("POST", "/import", {"project_id": "1", "strict": "1"}, 200)
    assert (log.records, log.bytes, log.body_sha256) == (2, len(body), hashlib.sha256(body).hexdigest())


async def test_state_and_reset(api: Api) -> None:
    """GET /_admin/state returns counts; POST /_admin/reset deletes everything and is not counted."""
    await api.import_events([event(0), event(1, time=...)])
    state = (await api.call("GET", "/_admin/state")).json()
    assert (state["events"], state["requests"], state["rejected"]) == (1, 1, 1)
    await api.post_json("/_admin/reset", {})
    state = (await api.call("GET", "/_admin/state")).json()
    assert (state["events"], state["requests"], state["rejected"]) == (0, 0, 0)
    assert await api.emulator.events() == []


async def test_unknown_paths_are_404(api: Api) -> None:
    """A request to an unknown path gets a 404 and is logged."""
    assert (await api.call("GET", "/api/unknown")).status == 404
    assert api.emulator.requests[-1].status == 404


async def test_a_body_that_breaks_off_does_no_harm(api: Api) -> None:
    """Nothing is stored of a body that the client did not complete."""
    host, port = api.emulator.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n[")
    await until(lambda: bool(api.emulator.requests) and api.emulator.requests[-1].bytes > 0)
    writer.transport.abort()
    assert (await api.import_events([event()])).status == 200
    assert api.emulator.requests[0].status is None
    assert len(await api.emulator.events()) == 1


async def test_lookup_tables_are_stored_listed_and_deleted(api: Api) -> None:
    """A table is replaced as a whole; invalid rows get a 400 with their numbers."""
    path, query, headers = "/lookup-tables/plans", {"project_id": 1}, {"Content-Type": "text/csv"}
    good = await api.call("PUT", path, query=query, body=b"id,name\n1,pro\n", headers=headers)
    bad = await api.call("PUT", path, query=query, body=b"id,name\n1,pro\n,free\n3\n", headers=headers)
    assert good.json() == {"code": 200, "status": "OK"}
    assert (bad.status, [one["index"] for one in bad.json()["failed_records"]]) == (400, [2, 3])
    assert await api.emulator.lookup_tables() == {"plans": "id,name\n1,pro\n"}
    assert (await api.call("GET", "/lookup-tables", query=query)).json()["results"] == [
        {"id": "plans", "name": "plans"}
    ]
    assert (await api.call("DELETE", path, query=query)).status == 200
    assert (await api.call("DELETE", path, query=query)).status == 404


async def test_rejections_are_kept(api: Api) -> None:
    """A rejected record is kept as sent, with the field and the reason, and whoever waits for a change is woken."""
    waiting = asyncio.create_task(api.emulator.changed())
    await asyncio.sleep(0)
    await api.post_json("/track", {"event": "", "properties": {"token": "t", "plan": "pro"}})
    await asyncio.wait_for(waiting, 5)
    (rejection,) = api.emulator.rejections
    assert (rejection.path, rejection.field, rejection.record["properties"]["plan"]) == ("/track", "event", "pro")
    assert "non-empty" in rejection.message
    await api.emulator.reset()
    assert api.emulator.rejections == []


async def test_a_field_that_no_csv_reader_takes_is_refused(api: Api) -> None:
    """A lookup table with a field beyond the limit of CSV readers gets a 400."""
    body, headers = b"id,name\n1," + b"x" * 200_000, {"Content-Type": "text/csv"}
    answer = await api.call("PUT", "/lookup-tables/t", query={"project_id": 1}, body=body, headers=headers)
    assert answer.status == 400
    assert "not CSV" in answer.json()["error"]
    assert await api.emulator.lookup_tables() == {}


async def test_a_stopped_server_is_forgotten() -> None:
    """Nothing keeps the data of a stopped server, of which a test run has thousands."""
    async with Emulator() as emulator, aiohttp.ClientSession() as session:
        await Api(emulator, session).import_events([event()])
        kept = weakref.ref(emulator.projects)
    del emulator, session
    gc.collect()
    assert kept() is None
