import asyncio
import zlib
from collections.abc import Mapping

import aiohttp
import orjson
import pytest

from mixpanel_async.emulator import FaultPlan, InjectedFault
from tests.integration.emulator.api import Api, HandClock, event, until

BATCH = [event(number) for number in range(5)]


def test_plan_counts_passes_and_times() -> None:
    """A fault spares the first `after` matching requests, affects the next `times`, and is over."""
    plan = FaultPlan()
    plan.add(InjectedFault(path="/import", kind="status", after=1, times=2))
    struck = [plan.take("/import") is not None for _ in range(4)]
    assert struck == [False, True, True, False]
    assert plan.take("/track") is None
    assert plan.pending() == []


def test_plan_takes_faults_in_turn() -> None:
    """Faults for one path occur one after the other; wildcards match; `times=None` lasts until cleared."""
    plan = FaultPlan()
    plan.add(InjectedFault(path="/import", kind="reset_before"))
    plan.add(InjectedFault(path="/*", kind="status", times=None))
    kinds = [fault.kind for fault in (plan.take("/import") for _ in range(3)) if fault is not None]
    assert kinds == ["reset_before", "status", "status"]
    plan.clear()
    assert plan.take("/import") is None


async def test_status_is_answered_and_nothing_stored(api: Api) -> None:
    """The status, body and headers are those of the fault."""
    api.emulator.faults.add(InjectedFault(path="/import", kind="status", status=503, headers={"Retry-After": "2"}))
    api.emulator.faults.add(InjectedFault(path="/import", kind="status", status=502, body="<html>bad gateway</html>"))
    api.emulator.faults.add(InjectedFault(path="/import", kind="status", status=599, body={"error": "odd"}))
    first, second, third = [await api.import_events(BATCH) for _ in range(3)]
    assert (first.status, first.headers["Retry-After"], first.json()["code"]) == (503, "2", 503)
    assert (second.status, second.text) == (502, "<html>bad gateway</html>")
    assert (third.status, third.json()) == (599, {"error": "odd"})
    assert await api.emulator.events() == []
    assert (await api.import_events(BATCH)).status == 200


@pytest.mark.parametrize(("kind", "stored"), [("reset_before", 0), ("reset_after", 5)])
async def test_resets_break_the_connection(api: Api, kind: str, stored: int) -> None:
    """A reset before the body stores nothing, one after it stores everything; the client gets no reply either way."""
    await api.post_json("/_admin/faults", {"path": "/import", "kind": kind})
    with pytest.raises(aiohttp.ClientConnectionError):
        await api.import_events(BATCH)
    assert len(await api.emulator.events()) == stored
    log = api.emulator.requests[-1]
    assert (log.path, log.status, log.fault) == ("/import", None, kind)
    assert (await api.import_events(BATCH)).status == 200


async def test_reset_is_a_reset(api: Api) -> None:
    """The socket gets ECONNRESET, not a regular end."""
    api.emulator.faults.add(InjectedFault(path="/import", kind="reset_before"))
    host, port = api.emulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /import HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_delay_waits_then_stores(api: Api, clock: HandClock) -> None:
    """A delayed request is served as usual."""
    api.emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=7.5))
    pending = asyncio.ensure_future(api.import_events(BATCH))
    await until(lambda: bool(clock.slept))
    assert clock.slept == [7.5]
    assert await api.emulator.events() == []
    clock.release.set()
    assert (await pending).status == 200


async def test_a_hanging_request_lets_the_server_stop(api: Api) -> None:
    """A hanging request ends when the server stops; nothing is stored."""
    api.emulator.faults.add(InjectedFault(path="/import", kind="hang"))
    pending = asyncio.ensure_future(api.import_events(BATCH))
    await until(lambda: bool(api.emulator.requests) and api.emulator.requests[-1].body_sha256 is not None)
    assert not pending.done()
    assert await api.emulator.events() == []
    await api.emulator.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await pending


async def test_a_client_that_gives_up_does_no_harm(api: Api, clock: HandClock) -> None:
    """Records of a client that did not wait for the reply are stored."""
    api.emulator.faults.add(InjectedFault(path="/import", kind="delay", seconds=1))
    pending = asyncio.ensure_future(api.import_events(BATCH))
    await until(lambda: bool(clock.slept))
    pending.cancel()
    await asyncio.gather(pending, return_exceptions=True)
    clock.release.set()
    await until(lambda: api.emulator.requests[-1].records == len(BATCH))
    assert await api.emulator.events() == BATCH


async def test_partial_refuses_the_named_records(api: Api) -> None:
    """The given indexes are in failed_records; the other records are stored."""
    api.emulator.faults.add(InjectedFault(path="/import", kind="partial", indexes=(1, 3)))
    answer = await api.import_events(BATCH)
    assert answer.status == 400
    assert [one["index"] for one in answer.json()["failed_records"]] == [1, 3]
    assert await api.emulator.events() == [BATCH[0], BATCH[2], BATCH[4]]


async def test_count_mismatch_and_garbage_store_everything(api: Api) -> None:
    """The reply is wrong or meaningless; the records are stored."""
    api.emulator.faults.add(InjectedFault(path="/import", kind="count_mismatch"))
    api.emulator.faults.add(InjectedFault(path="/import", kind="garbage_body"))
    short, garbage = [await api.import_events(BATCH) for _ in range(2)]
    assert (short.status, short.json()["num_records_imported"]) == (200, 4)
    assert garbage.status == 200
    with pytest.raises(orjson.JSONDecodeError):
        garbage.json()
    assert len(await api.emulator.events()) == 10


async def test_truncated_answer_announces_more_than_it_sends(api: Api) -> None:
    """The records are stored; the client gets a truncated body."""
    api.emulator.faults.add(InjectedFault(path="/import", kind="truncate"))
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.import_events(BATCH)
    assert len(await api.emulator.events()) == 5


async def raw_export(api: Api, headers: str = "") -> tuple[str, bytes]:
    """Read an export from a raw socket."""
    host, port = api.emulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    authorization = aiohttp.encode_basic_auth("u", "s")
    path = "/api/2.0/export?project_id=1&from_date=2025-10-09&to_date=2025-10-09"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n{headers}\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head.decode(), body


def truncation(variant: str | None = None) -> InjectedFault:
    return InjectedFault(path="/api/2.0/export", kind="truncate", variant=variant)  # type: ignore[arg-type]


async def test_exports_can_end_quietly_in_mid_line(api: Api) -> None:
    """By default an export ends in the middle of a line, without a length or chunks that reveal it."""
    await api.import_events(BATCH)
    api.emulator.faults.add(truncation())
    head, body = await raw_export(api)
    assert "Content-Length" not in head
    assert "chunked" not in head
    lines = body.splitlines()
    assert [orjson.loads(line)["event"] for line in lines[:-1]] == ["Signed Up"] * 4
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(lines[-1])


async def test_exports_can_end_quietly_between_lines(api: Api) -> None:
    """Every line is complete, but one is missing."""
    await api.import_events(BATCH)
    api.emulator.faults.add(truncation("cut_after_line"))
    _, body = await raw_export(api)
    assert body.endswith(b"}\n")
    assert body.count(b"\n") == 4


async def test_exports_can_lose_their_last_chunk(api: Api) -> None:
    """A chunked reply without its last chunk is an error for any client."""
    await api.import_events(BATCH)
    api.emulator.faults.add(truncation("chunked_cut"))
    with pytest.raises(aiohttp.ClientPayloadError):
        await api.export()


async def test_exports_can_say_that_they_were_terminated(api: Api) -> None:
    """The literal line is at the end of a complete body."""
    await api.import_events(BATCH)
    api.emulator.faults.add(truncation("terminated_line"))
    answer = await api.export()
    assert answer.status == 200
    assert answer.body.splitlines()[-1] == b"export terminated early"
    assert answer.body.count(b"\n") == 5


async def test_exports_can_be_half_a_gzip_stream(api: Api) -> None:
    """The chunks are complete; the gzip stream in them is not."""
    await api.import_events(BATCH)
    api.emulator.faults.add(truncation("half_gzip"))
    head, body = await raw_export(api, "Accept-Encoding: gzip\r\n")
    assert "Content-Encoding: gzip" in head
    assert body.endswith(b"\r\n0\r\n\r\n")
    stream = zlib.decompressobj(31)
    size, _, rest = body.partition(b"\r\n")
    stream.decompress(rest[: int(size, 16)])
    assert not stream.eof


@pytest.mark.parametrize(
    "wrong", [{}, {"path": "/import"}, {"path": "/import", "kind": "explode"}, {"path": "/", "kind": "hang", "x": 1}]
)
async def test_malformed_faults_are_refused(api: Api, wrong: Mapping[str, object]) -> None:
    """An invalid fault gets a 400 and is not added."""
    assert (await api.post_json("/_admin/faults", wrong)).status == 400
    assert api.emulator.faults.pending() == []


async def test_faults_can_be_cleared(api: Api) -> None:
    """DELETE /_admin/faults removes all faults; the server's own pages never fail."""
    await api.post_json("/_admin/faults", {"path": "*", "kind": "status", "times": None})
    assert (await api.call("GET", "/_admin/state")).json()["faults"][0]["kind"] == "status"
    assert (await api.call("DELETE", "/_admin/faults")).status == 200
    assert (await api.import_events(BATCH)).status == 200
