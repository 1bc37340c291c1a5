"""Each fault over a real socket: the outcomes of the records, and the number of requests."""

import email.utils
import time
from collections import Counter
from dataclasses import dataclass

import msgspec
import pytest

from mixpanel_async import AsyncMixpanel, Outcome, Receipt, Settings
from mixpanel_async.emulator import Emulator, InjectedFault
from tests.conftest import Connect
from tests.integration.delivery.conftest import Note

NOW = 1_700_000_000
SEVERAL = "several"
TOGETHER = 3600.0  # seconds that a batch waits for company: until the flush, however busy the machine is


@dataclass
class Cell:
    """One fault, a kind of record, and the expected result for ten records."""

    name: str
    fault: InjectedFault
    expected: str
    requests: int | str
    kind: str = "import"
    settings: Settings | None = None


def status(path: str, code: int, *, times: int | None = 1, body: object = None, **headers: str) -> InjectedFault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return InjectedFault(path=path, kind="status", status=code, times=times, body=body, headers=named)


def fault(kind: str, path: str = "/import", **options: object) -> InjectedFault:
    return InjectedFault(path=path, kind=kind, **options)  # type: ignore[arg-type]


QUICK = Settings(total_timeout_seconds=0.1)
UNKNOWN_IN_TIME = Settings(total_timeout_seconds=0.1, delivery_deadline_seconds=30.0)
SLOW_DOWN = {"code": 429, "error": "slow down", "status": "Too Many Requests"}
MISCOUNTED = {"code": 400, "error": "?", "num_records_imported": 3, "failed_records": [{"index": 1, "message": "?"}]}
OUT_OF_RANGE = {"code": 400, "error": "?", "num_records_imported": 9, "failed_records": [{"index": 99, "message": "?"}]}
IN_AN_HOUR = email.utils.formatdate(time.time() + 30, usegmt=True)

CELLS = [
    Cell("/import 200", fault("delay", seconds=0.0), "accepted 10", 1),
    Cell("/import 400, two of ten named", fault("partial", indexes=(2, 5)), "accepted 8 rejected 2", 1),
    Cell("/import 400, nothing named, once", status("/import", 400, body={"error": "no"}), "accepted 10", 3),
    Cell("/import 400, nothing named", status("/import", 400, body={"error": "no"}, times=None), "rejected 10", 19),
    Cell("/import 400 that miscounts, once", status("/import", 400, body=MISCOUNTED), "accepted 10", 2),
    Cell("/import 400 with an index beyond the batch", status("/import", 400, body=OUT_OF_RANGE), "accepted 10", 2),
    Cell("/import 200 that miscounts, once", fault("count_mismatch"), "accepted 10", 2),
    Cell("/import 200 that always miscounts", fault("count_mismatch", times=None), "unknown 10", 3),
    Cell("/import 200 with garbage, once", fault("garbage_body"), "accepted 10", 2),
    Cell("/import 401", status("/import", 401, times=None), "rejected 10", 1),
    Cell("/import 402", status("/import", 402, times=None), "rejected 10", 1),
    Cell("/import 403", status("/import", 403, times=None), "rejected 10", 1),
    Cell("/import 404", status("/import", 404), "rejected 10", 1),
    Cell("/import 302", status("/import", 302, Location="http://127.0.0.1:1/elsewhere"), "accepted 10", 2),
    Cell("/import 307", status("/import", 307, Location="http://127.0.0.1:1/elsewhere"), "accepted 10", 2),
    Cell("/import 413 for a small body, once", status("/import", 413), "accepted 10", 2),
    Cell("/import 413, always", status("/import", 413, times=None), "expired 10", SEVERAL, settings=UNKNOWN_IN_TIME),
    Cell("/import 429", status("/import", 429, body=SLOW_DOWN), "accepted 10", 2),
    Cell("/import 429, Retry-After seconds", status("/import", 429, Retry_After="9"), "accepted 10", 2),
    Cell("/import 429, Retry-After date", status("/import", 429, Retry_After=IN_AN_HOUR), "accepted 10", 2),
    *[Cell(f"/import {code}, twice", status("/import", code, times=2), "accepted 10", 3) for code in (408, 500, 502)],
    *[Cell(f"/import {code}, twice", status("/import", code, times=2), "accepted 10", 3) for code in (503, 504)],
    Cell("/import reset before it was read", fault("reset_before"), "accepted 10", 2),
    Cell("/import reset after it was stored", fault("reset_after"), "accepted 10", 2),
    Cell("/import answer cut short", fault("truncate"), "accepted 10", 2),
    Cell("/import hangs once", fault("hang"), "accepted 10", 2, settings=QUICK),
    Cell("/import hangs for ever", fault("hang", times=None), "unknown 10", SEVERAL, settings=UNKNOWN_IN_TIME),
    Cell("/import 503 for ever", status("/import", 503, times=None), "expired 10", SEVERAL, settings=UNKNOWN_IN_TIME),
    Cell("/import 503, no retries left", status("/import", 503), "expired 10", 1, settings=Settings(retry_quota=0)),
    Cell("/track 200", fault("delay", "/track", seconds=0.0), "unverified 10", 1, kind="track"),
    Cell(
        "/track 200 with status 0",
        status("/track", 200, body={"status": 0, "error": "bad"}, times=None),
        "rejected 10",
        19,
        kind="track",
    ),
    Cell("/track 200 that says 0, once", status("/track", 200, body="0"), "unverified 10", 3, kind="track"),
    Cell("/track 200 that says 1", status("/track", 200, body="1"), "unverified 10", 1, kind="track"),
    Cell("/track reset after it was stored", fault("reset_after", "/track"), "unverified 10", 2, kind="track"),
    Cell("/engage $set reset after", fault("reset_after", "/engage"), "unverified 10", 2, kind="set"),
    Cell("/engage $add reset after", fault("reset_after", "/engage"), "unknown 10", 1, kind="add"),
    Cell("/engage $append reset after", fault("reset_after", "/engage"), "unknown 10", 1, kind="append"),
    Cell("/engage $union reset after", fault("reset_after", "/engage"), "unknown 10", 1, kind="union"),
    Cell("/engage $remove reset after", fault("reset_after", "/engage"), "unknown 10", 1, kind="remove"),
    Cell("/engage $add 500", status("/engage", 500), "unknown 10", 1, kind="add"),
    Cell("/engage $add 503", status("/engage", 503), "unverified 10", 2, kind="add"),
    Cell("/engage $add 429", status("/engage", 429), "unverified 10", 2, kind="add"),
    Cell(
        "/engage $add reset after, opted in",
        fault("reset_after", "/engage"),
        "unverified 10",
        2,
        kind="add",
        settings=Settings(replay_unsafe_updates=True),
    ),
    Cell("/engage $set and $add reset after", fault("reset_after", "/engage"), "unknown 5 unverified 5", 2, kind="mix"),
    Cell(
        "/engage 200 with an error",
        status("/engage", 200, body={"status": 0, "error": "bad"}),
        "unverified 10",
        3,
        "set",
    ),
    Cell("/groups 502", status("/groups", 502), "unverified 10", 2, kind="group"),
]


async def make(client: AsyncMixpanel, kind: str, number: int) -> Receipt:
    """Track one record of a kind."""
    who = f"user-{number}"
    match kind:
        case "import":
            return await client.import_event(who, "Imported", {"n": number}, time=NOW + number)
        case "track":
            return await client.track(who, "Tracked", {"n": number})
        case "set":
            return await client.people.set(who, {"n": number})
        case "mix":
            return await (client.people.add if number % 2 else client.people.set)(who, {"n": number})
        case "union":
            return await client.people.union(who, {"n": [number]})
        case "group":
            return await client.groups.set("company", who, {"n": number})
        case _:
            call = {"add": client.people.add, "append": client.people.append, "remove": client.people.remove}[kind]
            return await call(who, {"n": number})


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name.replace("/", "").replace(" ", "-"))
async def test_fault(cell: Cell, server: Emulator, connect: Connect, note: Note) -> None:
    """Ten records meet a fault; each gets its true outcome, without unnecessary requests."""
    server.faults.add(cell.fault)
    client = connect(msgspec.structs.replace(cell.settings or Settings(), linger_seconds=TOGETHER))
    receipts = [await make(client, cell.kind, number) for number in range(10)]
    await client.flush(timeout=20)
    seen = Counter([(await receipt).outcome.value for receipt in receipts])
    text = " ".join(f"{outcome} {count}" for outcome, count in sorted(seen.items()))
    requests = "several" if cell.requests == SEVERAL and len(server.requests) > 1 else len(server.requests)
    note(cell.name, f"{cell.expected}, {cell.requests} requests", f"{text}, {requests} requests")
    assert requests == cell.requests
    assert text == cell.expected
    assert client.stats.queued == client.stats.in_flight == client.stats.buffered_bytes == 0


async def test_a_split_knows_what_must_not_be_applied_twice(server: Emulator, connect: Connect) -> None:
    """After a 413 each half still knows which of its updates must not be retried after a lost reply."""
    server.faults.add(status("/engage", 413))
    server.faults.add(fault("reset_after", "/engage", times=2))
    client = connect(Settings(linger_seconds=TOGETHER))
    receipts = []
    for number in range(5):
        receipts.append(await client.people.set(f"user-{number}", {"filler": "x" * 8000}))
        receipts.append(await client.people.add(f"user-{number}", {"n": 1}))
    await client.flush(timeout=20)
    outcomes = [(await receipt).outcome for receipt in receipts]
    assert outcomes == [Outcome.UNVERIFIED, Outcome.UNKNOWN] * 5
    assert len(server.requests) == 5


@pytest.mark.parametrize("spelling", ["insert_id", "$insert_id"])
async def test_the_right_record_is_rejected(spelling: str, server: Emulator, connect: Connect) -> None:
    """The index in `failed_records` counts, however the insert ID is spelled; the receipt has the message."""
    failed = [{"index": 1, spelling: "whatever", "field": "properties.time", "message": "too odd"}]
    body = {"code": 400, "error": "some failed", "num_records_imported": 2, "failed_records": failed}
    server.faults.add(status("/import", 400, body=body))
    client = connect(Settings(linger_seconds=TOGETHER))
    receipts = [await make(client, "import", number) for number in range(3)]
    await client.flush(timeout=10)
    verdicts = [await receipt for receipt in receipts]
    assert [verdict.outcome for verdict in verdicts] == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED]
    assert (verdicts[1].field, verdicts[1].message) == ("properties.time", "too odd")


async def test_a_retry_is_the_same_bytes(server: Emulator, connect: Connect) -> None:
    """A retry sends the same bytes as before, so that Mixpanel recognises duplicates."""
    server.faults.add(fault("reset_after", times=3))
    client = connect(Settings(linger_seconds=TOGETHER))
    for number in range(50):
        await make(client, "import", number)
    await client.flush(timeout=20)
    digests = {request.body_sha256 for request in server.requests}
    assert len(server.requests) == 4
    assert len(digests) == 1
    assert len(await server.events()) == 200
    assert len(await server.deduplicated_events()) == 50


async def test_a_refused_credential_stops_its_own_lane_only(server: Emulator, connect: Connect) -> None:
    """After a 401 on /import its records fail fast with a clear reason; /track and /engage continue."""
    client = connect(secret="not-the-secret")
    first = await make(client, "import", 1)
    await client.flush(timeout=10)
    later = await make(client, "import", 2)
    tracked = await make(client, "track", 3)
    updated = await make(client, "set", 4)
    await client.flush(timeout=10)
    for receipt in (first, later):
        verdict = await receipt
        assert (verdict.outcome, verdict.reason) == (Outcome.REJECTED, "unauthorized")
        assert "401" in verdict.message
    assert (await tracked).is_delivered
    assert (await updated).is_delivered
    assert [request.path for request in server.requests].count("/import") == 1


async def test_a_stopped_lane_does_not_try_again(server: Emulator, connect: Connect) -> None:
    """Records in flight when their lane is stopped are not retried; if they may be stored, they are UNKNOWN."""
    server.faults.add(status("/import", 401))
    server.faults.add(fault("hang", seconds=0.2))
    client = connect(Settings(max_batch_records=1))
    receipts = [await make(client, "import", number) for number in range(2)]
    await client.flush(timeout=20)
    verdicts = [await receipt for receipt in receipts]
    assert sorted(verdict.outcome.value for verdict in verdicts) == ["rejected", "unknown"]
    assert {verdict.reason for verdict in verdicts} == {"unauthorized"}
    assert len(server.requests) == 2


async def test_a_429_pauses_the_whole_project(server: Emulator, connect: Connect) -> None:
    """After a 429 on one endpoint no ingestion request of the project is sent before the pause is over."""
    server.faults.add(status("/import", 429, Retry_After="50"))
    client = connect(Settings(linger_seconds=0.0))
    await make(client, "import", 1)
    while not server.requests or client.stats.in_flight:
        await client.flush(timeout=0.01)
    receipts = [await make(client, "track", 2), await make(client, "set", 3)]
    assert not (await client.flush(timeout=0.1)).is_complete
    assert len(server.requests) == 1
    await client.flush(timeout=10)
    assert all([(await receipt).is_delivered for receipt in receipts])
    gap = server.requests[1].at - server.requests[0].at
    assert gap >= 0.5  # 50 s on a clock that runs a hundred times as fast
