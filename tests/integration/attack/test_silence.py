"""Outages: the log is neither silent nor a flood, and verdicts name the last error."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from mixpanel_async import Outcome, Settings
from tests.integration.attack.conftest import Clients, Note
from tests.integration.attack.server import Received, healthy, reply, scripted, summary
from tests.virtual_time import FastClock

NOW = 1_700_000_000
NOBODY = "http://127.0.0.1:9"


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def count(messages: list[str], text: str) -> int:
    return sum(text in message for message in messages)


async def test_an_outage_of_four_minutes(client_of: Clients, note: Note, caplog: pytest.LogCaptureFixture) -> None:
    """One warning when delivery begins to fail, one a minute while it lasts, one when it is over."""
    clock = FastClock()
    until = clock.monotonic() + 240.0

    def script(received: Received) -> bytes:
        return reply(500, {"error": "backend unavailable"}) if clock.monotonic() < until else healthy(received)

    async with scripted(script) as server:
        client = client_of(server.url, clock=clock)
        receipts = []
        while clock.monotonic() < until:
            receipts.append(await client.track("u", "E"))
            await clock.sleep(10.0)
        await client.flush(timeout=30)
    messages = warnings_of(caplog)
    begins, lasts, over = (count(messages, text) for text in ("began to fail", "has been failing", "works again"))
    seen = f"began {begins}, lasts {lasts}, over {over}, other {len(messages) - begins - lasts - over}"
    note(
        "500 for four minutes: warnings",
        "began 1, lasts True, over 1, other 0",
        seen.replace(f"lasts {lasts}", f"lasts {3 <= lasts <= 5}"),
    )
    note("500 for four minutes: records", f"unverified {len(receipts)}", summary(receipts))
    assert "backend unavailable" in messages[0]
    assert "/track" in messages[0]


async def test_nothing_left_to_say(client_of: Clients, note: Note, caplog: pytest.LogCaptureFixture) -> None:
    """When the last record has expired, the outage is not reported for ever: nothing is tried any more."""
    clock = FastClock(speed=1000.0)
    client = client_of(NOBODY, Settings(delivery_deadline_seconds=100.0), clock=clock)
    receipt = await client.track("u", "E")
    await receipt
    await clock.sleep(100.0)
    before = len(warnings_of(caplog))
    await clock.sleep(1_200.0)
    seen = f"{summary([receipt])}, {len(warnings_of(caplog)) - before} warnings"
    note("twenty minutes after the last record expired", "expired 1, 0 warnings", seen)


async def test_lost_records_by_outcome(client_of: Clients, note: Note, caplog: pytest.LogCaptureFixture) -> None:
    """Lost records are counted in a warning, by outcome and reason; the verdicts carry the last error."""
    clock = FastClock()
    async with scripted(lambda _: reply(503, {"error": "over capacity"})) as server:
        client = client_of(server.url, Settings(delivery_deadline_seconds=30.0), clock=clock)
        receipts = [await client.import_event("u", "E", {"n": n}, time=NOW + n) for n in range(20)]
        await client.flush(timeout=30)
        await client.aclose(timeout=1)
    lost = [message for message in warnings_of(caplog) if "not delivered" in message]
    note("503 until the deadline", "expired 20", summary(receipts))
    note("503 until the deadline: warnings about losses", "1", str(len(lost)))
    assert "20 expired (deadline)" in lost[0]
    assert all("over capacity" in receipt.verdict.message for receipt in receipts if receipt.verdict)


async def test_a_dead_address(client_of: Clients, note: Note, caplog: pytest.LogCaptureFixture) -> None:
    """With nobody listening, records are EXPIRED at their deadline, and verdict and log say why."""
    client = client_of(NOBODY, Settings(delivery_deadline_seconds=60.0))
    receipt = await client.track("u", "E")
    verdict = await receipt
    seen = f"{verdict.outcome.value}, cause in verdict: {'cannot connect' in verdict.message}"
    note("nobody listens", "expired, cause in verdict: True", seen)
    assert "cannot connect" in warnings_of(caplog)[0]


async def test_a_flood_of_bad_records(client_of: Clients, note: Note, caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of rejected records, one at a time for two minutes, lead to a warning a minute, with their number."""
    clock = FastClock()
    async with scripted(healthy) as server:
        client = client_of(server.url, clock=clock)
        until = clock.monotonic() + 130.0
        rejected = 0
        while clock.monotonic() < until:
            for _ in range(50):
                rejected += (await client.track("", "")).outcome is Outcome.REJECTED
            await asyncio.sleep(0)
        await client.aclose(timeout=1)
    messages = warnings_of(caplog)
    reported = sum(int(message.split(": ")[1].split(" ")[0]) for message in messages)
    note("bad records for two minutes: warnings", "True", str(2 <= len(messages) <= 4))
    note("bad records for two minutes: all counted", "True", str(reported == rejected))


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
async def test_levels(level: int, client_of: Clients, note: Note, caplog: pytest.LogCaptureFixture) -> None:
    """At INFO the log has each retry, at DEBUG each request."""
    caplog.set_level(level, logger="mixpanel_async")

    def script(received: Received) -> bytes:
        return healthy(received) if received.number > 3 else reply(502, b"<html>")

    async with scripted(script) as server:
        client = client_of(server.url)
        await client.track("u", "E")
        await client.flush(timeout=30)
    records = [record for record in caplog.records if record.name == "mixpanel_async"]
    retries = count([record.getMessage() for record in records if record.levelno == logging.INFO], "retry of")
    requests = count([record.getMessage() for record in records if record.levelno == logging.DEBUG], ": HTTP ")
    expected = {logging.INFO: "3 retries", logging.DEBUG: "3 retries, 4 requests"}[level]
    seen = f"{retries} retries" + (f", {requests} requests" if requests else "")
    note(f"three times 502: log at {logging.getLevelName(level)}", expected, seen)


class Odd(BaseException):
    """Neither an Exception nor one that ends a program, as test frameworks raise them."""


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError, GeneratorExit, StopIteration, Odd])
async def test_on_failure_raises(
    error: Callable[[], BaseException], client_of: Clients, note: Note, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever on_failure raises, every record gets its outcome and delivery continues."""

    def fail(_record: bytes, _verdict: object) -> None:
        raise error()

    def script(received: Received) -> bytes:
        if received.number == 1:
            failed = [{"index": 0, "field": "event", "message": "bad"}]
            return reply(400, {"code": 400, "num_records_imported": 1, "failed_records": failed, "error": "some"})
        return healthy(received)

    async with scripted(script) as server:
        client = client_of(server.url, on_failure=fail)
        receipts = [await client.import_event("u", "E", {"n": n}, time=NOW + n) for n in range(2)]
        await client.flush(timeout=10)
        receipts.append(await client.track("", ""))
        receipts.append(await client.track("u", "E"))
        await client.flush(timeout=10)
    seen = summary(receipts)
    note(f"on_failure raises {getattr(error, '__name__', '')}", "accepted 1 rejected 2 unverified 1", seen)
    assert count([record.getMessage() for record in caplog.records], "on_failure raised") == 2
