"""Servers, proxies and gateways that reply what Mixpanel never does, and are healthy afterwards."""

import asyncio
from collections.abc import Callable

import pytest

from mixpanel_async import AsyncMixpanel, Outcome, Receipt, Settings
from tests.conftest import TOKEN
from tests.integration.attack.conftest import Clients, Note
from tests.integration.attack.server import Received, Script, first, healthy, reply, scripted, summary
from tests.virtual_time import FastClock

NOW = 1_700_000_000
TOGETHER = 3600.0  # seconds that a batch waits for company: until the flush, however busy the machine is
LOGIN_PAGE = b"<html><body>Please sign in</body></html>"

RETRY_AFTER = {
    "an hour": "3600",
    "3,000 years": "99999999999",
    "400 nines": "9" * 400,
    "a fraction": "0.5",
    "negative": "-1",
    "nonsense": "soon",
    "empty": "",
    "digits that are not ASCII": "\xb2",
    "Unix time in seconds": "1999999999",
    "Unix time in milliseconds": "1999999999000",
    "a date in the past": "Thu, 01 Jan 1970 00:00:00 GMT",
    "the year 9999": "Fri, 31 Dec 9999 23:59:59 GMT",
    "a year with 20 digits": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
    "a zone with 17 digits": "Mon, 01 Jan 2035 00:00:00 +99999999999999999",
    "a date without a zone": "Mon, 01 Jan 2035 00:00:00 -0000",
}


async def deliver(client: AsyncMixpanel, count: int, *, size: int = 10) -> list[Receipt]:
    """Import `count` events and wait for their outcomes."""
    filler = "x" * size
    receipts = [await client.import_event(f"u{n}", "E", {"n": n, "f": filler}, time=NOW + n) for n in range(count)]
    await client.flush(timeout=30)
    return receipts


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", RETRY_AFTER.values(), ids=RETRY_AFTER)
async def test_one_odd_retry_after(value: str, status: int, client_of: Clients, note: Note) -> None:
    """After a single odd Retry-After from a server that is healthy again, this record and later ones arrive."""
    async with scripted(first(reply(status, {"error": "later"}, Retry_After=value))) as server:
        client = client_of(server.url)
        receipts = await deliver(client, 1) + await deliver(client, 10)
        name = next(name for name, other in RETRY_AFTER.items() if other == value)
        seen = f"{summary(receipts)}, {len(server.requests)} requests"
    note(f"HTTP {status}, Retry-After: {name}", "accepted 11, 3 requests", seen)


@pytest.mark.parametrize("status", [429, 503])
async def test_nothing_expires_early(status: int, client_of: Clients, note: Note) -> None:
    """While a server asks for an hour's wait again and again, records keep their deadline and the server is probed."""
    clock = FastClock()
    async with scripted(lambda _: reply(status, {"error": "later"}, Retry_After="3600")) as server:
        client = client_of(server.url, Settings(delivery_deadline_seconds=150.0), clock=clock)
        started = clock.monotonic()
        receipt = await client.import_event("u", "E", time=NOW)
        verdict = await receipt
        lasted = clock.monotonic() - started
        is_probed = len(server.requests) >= 2
    seen = f"{verdict.outcome.value}, before its deadline: {lasted < 150.0}, probed: {is_probed}"
    note(f"HTTP {status} with Retry-After: 3600, always", "expired, before its deadline: False, probed: True", seen)
    assert str(status) in verdict.message


async def test_a_burst_of_413(client_of: Clients, note: Note) -> None:
    """A proxy that answers 413 for a while costs no record and does not make requests small afterwards."""
    is_burst = True

    def script(received: Received) -> bytes:
        return reply(413, LOGIN_PAGE) if is_burst else healthy(received)

    async with scripted(script) as server:
        client = client_of(server.url, Settings(linger_seconds=TOGETHER))
        delivering = asyncio.create_task(deliver(client, 4_000, size=500))
        while len(server.requests) < 40:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)
        is_burst = False
        receipts = await delivering
        before = len(server.requests)
        receipts += await deliver(client, 4_000, size=500)
        later = len(server.requests) - before
    note("413 for 40 requests, 8,000 events", "accepted 8000", summary(receipts))
    note("413 burst: at most 10 requests for the next 4,000 events", "True", str(later <= 10))


async def test_a_true_limit_is_learned(client_of: Clients, note: Note) -> None:
    """If every body above a size gets 413, later batches respect the size, and no record is lost."""

    def script(received: Received) -> bytes:
        size = sum(len(str(record)) for record in received.records)
        return reply(413, LOGIN_PAGE) if size > 300_000 else healthy(received)

    async with scripted(script) as server:
        client = client_of(server.url, Settings(linger_seconds=TOGETHER))
        receipts = await deliver(client, 4_000, size=500)
        before = len(server.requests)
        receipts += await deliver(client, 4_000, size=500)
        later = len(server.requests) - before
    note("413 above 300 KB, always, 8,000 events", "accepted 8000", summary(receipts))
    note("413 above 300 KB: at most 30 requests for the second 4,000 events", "True", str(later <= 30))


FOREIGN = {
    "401 HTML": reply(401, LOGIN_PAGE),
    "403 HTML": reply(403, LOGIN_PAGE),
    "403 of a gateway": reply(403, {"message": "Forbidden"}),
    "404 HTML": reply(404, LOGIN_PAGE),
    "404 of a gateway": reply(404, {"message": "no Route matched with those values"}),
    "302 to a login page": reply(302, b"", Location="https://login.example/"),
    "304": reply(304),
    "400 HTML": reply(400, LOGIN_PAGE),
    "407": reply(407, LOGIN_PAGE),
    "410 HTML": reply(410, LOGIN_PAGE),
    "418": reply(418, b"I'm a teapot"),
    "421": reply(421, {"error": "Misdirected"}),
    "425": reply(425, {"error": "Too Early"}),
    "451 HTML": reply(451, LOGIN_PAGE),
    "499": reply(499, {"error": "Client Closed Request"}),
    "520": reply(520, LOGIN_PAGE),
    "999": reply(999, LOGIN_PAGE),
    "200 HTML": reply(200, LOGIN_PAGE, Content_Type="text/html"),
    "200 {}": reply(200, {}),
    "200 []": reply(200, []),
    "200 null": reply(200, None),
    "200 empty": reply(200),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    '200 {"error": ...}': reply(200, {"error": "backend unavailable"}),
    '200 {"status": "error"}': reply(200, {"status": "error"}),
    "200 with the right count and an error status": reply(
        200, {"code": 200, "num_records_imported": 3, "status": "error"}
    ),
    "200 with the wrong count": reply(200, {"code": 200, "num_records_imported": 2, "status": "OK"}),
    "200 whose JSON is cut": reply(200, b'{"code":200,"num_records_imp'),
    "200 deep JSON": reply(200, b"[" * 100_000),
    "200 not gzip": reply(200, b"plain", Content_Encoding="gzip"),
    "200 shorter than it says": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{}",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "closed without a byte": None,
}


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_foreign_reply(name: str, client_of: Clients, note: Note) -> None:
    """One reply that is not Mixpanel's, or says nothing about the records, leads to one retry, to no loss."""

    def script(received: Received) -> bytes | None:
        if received.number > 1:
            return healthy(received)
        if FOREIGN[name] is None or b"Content-Length: 100" in (FOREIGN[name] or b"") or name == "no HTTP":
            received.writer.write(FOREIGN[name] or b"")
            return None
        return FOREIGN[name]

    async with scripted(script) as server:
        client = client_of(server.url, Settings(linger_seconds=TOGETHER))
        receipts = await deliver(client, 3)
        seen = f"{summary(receipts)}, {len(server.requests)} requests"
    note(f"{name}, once", "accepted 3, 2 requests", seen)


@pytest.mark.parametrize("name", ["401 HTML", "404 HTML", "302 to a login page", "200 HTML", "200 {}", "503"])
async def test_a_foreign_reply_for_two_minutes(name: str, client_of: Clients, note: Note) -> None:
    """While something else answers in Mixpanel's place, for less than the deadline, no record is lost."""
    clock = FastClock()
    until = clock.monotonic() + 120.0
    foreign = reply(503, LOGIN_PAGE) if name == "503" else FOREIGN[name]

    def script(received: Received) -> bytes | None:
        return foreign if clock.monotonic() < until else healthy(received)

    async with scripted(script) as server:
        client = client_of(server.url, clock=clock)
        receipts = await deliver(client, 5)
    note(f"{name} for two minutes", "accepted 5", summary(receipts))


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_credential_is_tried_again(status: int, client_of: Clients, note: Note) -> None:
    """Mixpanel's own 401 or 403 stops the lane; after a minute one request tries again, and delivery continues."""
    clock = FastClock()
    async with scripted(first(reply(status, {"code": status, "error": "no access", "status": "Error"}))) as server:
        client = client_of(server.url, clock=clock)
        receipts = await deliver(client, 2) + await deliver(client, 2)
        stopped = f"{summary(receipts)}, {len(server.requests)} requests"
        await clock.sleep(61.0)
        receipts = await deliver(client, 2)
        reopened = f"{summary(receipts)}, {len(server.requests)} requests"
    note(f"{status} from Mixpanel", "rejected 4, 1 requests", stopped)
    note(f"{status} from Mixpanel, after a minute", "accepted 2, 2 requests", reopened)


async def test_a_credential_that_stays_refused(client_of: Clients, note: Note) -> None:
    """A credential that stays refused costs a request after one minute, then one in five minutes."""
    clock = FastClock(speed=1000.0)
    async with scripted(lambda _: reply(401, {"error": "no access"})) as server:
        client = client_of(server.url, clock=clock)
        receipts = []
        until = clock.monotonic() + 1_000.0
        while clock.monotonic() < until:
            receipts.append(await client.import_event("u", "E", time=NOW))
            await clock.sleep(5.0)
        await client.flush(timeout=10)
        requests = len(server.requests)
    note("401 for 1,000 s, an event each 5 s: requests", "True", str(3 <= requests <= 5))
    assert {receipt.outcome for receipt in receipts} == {Outcome.REJECTED}


def refusing(is_bad: Callable[[dict[str, object]], bool]) -> Script:
    """Return a script that refuses a whole request, naming no record, if one of its records is bad."""

    def script(received: Received) -> bytes:
        if any(is_bad(record) for record in received.records):
            return reply(400, {"code": 400, "error": "some data points could not be read", "status": "Bad Request"})
        return healthy(received)

    return script


def number_of(record: dict[str, object]) -> object:
    properties = record["properties"]
    return properties["n"] if isinstance(properties, dict) else None


async def test_one_bad_record_among_2000(client_of: Clients, note: Note) -> None:
    """A record for which the whole request is refused costs no other record, within a few requests."""
    async with scripted(refusing(lambda record: number_of(record) == 1234)) as server:
        client = client_of(server.url, Settings(linger_seconds=TOGETHER))
        receipts = await deliver(client, 2_000)
        requests = len(server.requests)
    note("whole-request 400 for 1 of 2,000", "accepted 1999 rejected 1", summary(receipts))
    note("whole-request 400 for 1 of 2,000: at most 25 requests", "True", str(requests <= 25))
    assert receipts[1234].outcome is Outcome.REJECTED


async def test_all_bad_then_one_bad(client_of: Clients, note: Note) -> None:
    """If everything is refused the search is bounded; later a single bad record again costs no other record."""
    is_all = True

    def is_bad(record: dict[str, object]) -> bool:
        return is_all or number_of(record) == 77

    async with scripted(refusing(is_bad)) as server:
        client = client_of(server.url, Settings(linger_seconds=TOGETHER))
        receipts = await deliver(client, 2_000)
        searching = len(server.requests)
        receipts += await deliver(client, 8_000)
        known = len(server.requests) - searching
        is_all = False
        later = await deliver(client, 2_000)
    note("whole-request 400 for all of 10,000", "rejected 10000", summary(receipts))
    note("the same: at most 101 requests for the first 2,000", "True", str(searching <= 101))
    note("the same: at most 20 requests for the next 8,000", "True", str(known <= 20))
    note("then whole-request 400 for 1 of 2,000", "accepted 1999 rejected 1", summary(later))


@pytest.mark.parametrize("delay", [0.0, 0.05])
@pytest.mark.parametrize("path", ["/import", "/track"])
async def test_a_stale_reply(path: str, delay: float, client_of: Clients, note: Note) -> None:
    """A reply that is repeated on an idle connection is never taken for the reply to the next request."""
    repeated = asyncio.Event()

    async def script(received: Received) -> bytes:
        if received.number > 1:
            return healthy(received)
        received.writer.write(healthy(received))
        await received.writer.drain()
        await asyncio.sleep(delay)
        received.writer.write(healthy(received))
        await received.writer.drain()
        repeated.set()
        await asyncio.sleep(3600)  # this connection reads nothing any more
        return b""

    async with scripted(script) as server:
        client = client_of(server.url, Settings(track_via="import" if path == "/import" else "track"))
        receipts = [await client.track("u", "E")]
        await client.flush(timeout=10)
        await repeated.wait()
        await asyncio.sleep(0.02)
        receipts.append(await client.track("u", "E2"))
        await client.flush(timeout=10)
        read = len(server.requests)
    outcome = "accepted" if path == "/import" else "unverified"
    seen = f"{summary(receipts)}, {read} requests read"
    note(f"{path}: reply repeated after {delay * 1000:.0f} ms", f"{outcome} 2, 2 requests read", seen)


@pytest.mark.parametrize("kind", ["import", "add"])
async def test_an_idle_connection_was_closed(
    kind: str, client_of: Clients, note: Note, caplog: pytest.LogCaptureFixture
) -> None:
    """A kept-alive connection that dies before a byte of the reply is replaced at once, without a warning."""
    clock = FastClock()

    def script(received: Received) -> bytes | None:
        return None if received.connection == 1 and received.number == 2 else healthy(received)

    async with scripted(script) as server:
        client = client_of(server.url, clock=clock)
        receipts = []
        for _ in range(2):
            if kind == "add":
                receipts.append(await client.people.add("u", {"n": 1}))
            else:
                receipts.append(await client.import_event("u", "E", time=NOW))
            clock.slept.clear()
            await client.flush(timeout=10)
        waited = sum(seconds for seconds in clock.slept if seconds >= 1.0)
        requests = len(server.requests)
    outcomes = {"import": "accepted 2", "add": "unknown 1 unverified 1"}[kind]
    wanted = {"import": 3, "add": 2}[kind]
    seen = f"{summary(receipts)}, {requests} requests, waited {waited:.0f} s, warnings {len(caplog.messages)}"
    warnings = {"import": 0, "add": 1}[kind]
    note(
        f"idle connection closed after the request was read: {kind}",
        f"{outcomes}, {wanted} requests, waited 0 s, warnings {warnings}",
        seen,
    )


@pytest.mark.parametrize("kind", ["import", "add"])
async def test_an_idle_connection_is_closed(kind: str, client_of: Clients, note: Note) -> None:
    """If the server closed an idle connection, nothing can have been read: the next request succeeds, `$add` too."""

    def script(received: Received) -> bytes:
        return healthy(received)

    async def send(client: AsyncMixpanel) -> Receipt:
        if kind == "add":
            return await client.people.add("u", {"n": 1})
        return await client.import_event("u", "E", time=NOW)

    async with scripted(script) as server:
        client = client_of(server.url)
        receipts = [await send(client)]
        await client.flush(timeout=10)
        server.requests[0].writer.close()
        receipts.append(await send(client))
        await client.flush(timeout=10)
        seen = f"{summary(receipts)}, {len(server.requests)} requests"
    outcome = {"import": "accepted", "add": "unverified"}[kind]
    note(f"idle connection closed: {kind}", f"{outcome} 2, 2 requests", seen)


async def test_a_tls_handshake_that_never_ends(note: Note) -> None:
    """A record whose TLS handshake did not end was never sent: EXPIRED, not UNKNOWN."""
    connected = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with listener:
        url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        client = AsyncMixpanel(TOKEN, base_url=url, settings=Settings(linger_seconds=0.0))
        receipt = await client.track("u", "E")
        await connected.wait()
        await client.aclose(timeout=0.1)
    note("TLS handshake that never ends, then aclose", "expired 1", summary([receipt]))


async def test_a_plain_server_behind_https(client_of: Clients, note: Note) -> None:
    """A server that does not speak TLS is a failed connection: EXPIRED, with the cause."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply(400, b"plain HTTP"))
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listener:
        url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        client = client_of(url, Settings(delivery_deadline_seconds=30.0))
        receipt = await client.track("u", "E")
        verdict = await receipt
    cause = "cannot connect" in verdict.message
    note(
        "https to a server of plain HTTP",
        "expired, cause in verdict: True",
        f"{verdict.outcome.value}, cause in verdict: {cause}",
    )


async def test_a_reply_of_200_mb(client_of: Clients, note: Note) -> None:
    """Of a reply without end to a request with records only a few megabytes are read; the request is retried."""
    written = 0

    async def script(received: Received) -> bytes | None:
        nonlocal written
        if received.number > 1:
            return healthy(received)
        received.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
        try:
            for _ in range(200):
                received.writer.write(b" " * 1_000_000)
                await received.writer.drain()
                written += 1
        except ConnectionError:
            pass
        return None

    async with scripted(script) as server:
        client = client_of(server.url)
        receipts = [await client.track("u", "E")]
        await client.flush(timeout=30)
    note("200 MB reply to /track, once", "unverified 1", summary(receipts))
    note("200 MB reply to /track: at most 20 MB were taken", "True", str(written <= 20))
