"""The Django example under gunicorn: forked workers, and a stop under load."""

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from mixpanel_async.testing import LocalMixpanel
from tests.examples.test_fastapi_app import NOBODY, Program, running

CLIENTS = 16
ANSWERS_BEFORE_STOP = 150
WORKERS = {"sync": ["--worker-class", "sync"], "gthread": ["--worker-class", "gthread", "--threads", "4"]}
EXAMPLE = ["-c", "examples/django_shop/gunicorn_conf.py"]  # it loads the project before it forks


@pytest.fixture
def mixpanel() -> Iterator[LocalMixpanel]:
    with LocalMixpanel() as server:
        yield server


@contextlib.asynccontextmanager
async def serving(*arguments: str, **environment: str) -> AsyncIterator[Program]:
    """Run the example with two workers."""
    command = ["-m", "gunicorn", "--chdir", "examples", "--bind", "127.0.0.1:0", "--no-control-socket"]
    command += [*(arguments or EXAMPLE), "django_shop.wsgi"]
    with contextlib.ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, running(command, **environment))


async def place_orders(service: Program, first: int, answered: set[int], stopping: asyncio.Event) -> None:
    """Place one order after the other, until the service refuses connections."""
    number = first
    connector = aiohttp.TCPConnector(force_close=True)  # a new connection each time, for any of the workers
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as http:
        while True:
            try:
                async with http.get(f"{service.address}/orders/{number}/") as reply:
                    await reply.read()
                    if reply.status == 200:
                        answered.add(number)
            except (aiohttp.ClientError, TimeoutError, OSError):
                if stopping.is_set():
                    return
            number += CLIENTS


async def stopped_under_load(service: Program) -> set[int]:
    """Place orders from several clients, stop the service meanwhile; return the orders that were answered."""
    answered: set[int] = set()
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for first in range(CLIENTS):
            group.create_task(place_orders(service, first, answered, stopping))
        while len(answered) < ANSWERS_BEFORE_STOP:  # noqa: ASYNC110 - what it waits for is in other processes
            await asyncio.sleep(0.005)
        stopping.set()
        await asyncio.to_thread(service.stop)
    return answered


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("worker", WORKERS)
async def test_sigterm_under_load(worker: str, preload: bool, mixpanel: LocalMixpanel) -> None:
    """Every request that was answered has its events delivered, once, though workers were forked and stopped."""
    arguments = ["--workers", "2", *WORKERS[worker], *(["--preload"] if preload else [])]
    async with serving(*arguments, **mixpanel.environment) as service:
        answered = await stopped_under_load(service)
    assert service.process.returncode == 0, "".join(service.lines)
    orders = [event["properties"]["order"] for event in mixpanel.events("Order Placed")]
    assert len(answered) >= ANSWERS_BEFORE_STOP
    assert answered <= set(orders)
    assert len(orders) == len(set(orders))
    served = [event for event in mixpanel.events("Request Served") if event["properties"]["status"] == 200]
    assert len(served) >= len(answered)
    senders = {str(event["properties"]["$insert_id"]).rpartition("-")[0] for event in served}
    assert len(senders) == 2 or worker == "gthread"  # whose workers may leave everything to one of them
    assert not any("not delivered" in line for line in service.lines)


@pytest.mark.parametrize("worker", WORKERS)
async def test_workers_that_are_replaced(worker: str, mixpanel: LocalMixpanel) -> None:
    """A worker that ends after some requests delivers its events, while others go on."""
    arguments = ["--workers", "2", "--preload", "--max-requests", "40", *WORKERS[worker]]
    async with serving(*arguments, **mixpanel.environment) as service:
        answered = await stopped_under_load(service)
    assert sum("Booting worker" in line for line in service.lines) > 2
    orders = [event["properties"]["order"] for event in mixpanel.events("Order Placed")]
    assert answered <= set(orders)
    assert len(orders) == len(set(orders))


async def test_sigterm_without_mixpanel() -> None:
    """If Mixpanel is away, the workers end in time, and the log accounts for every event."""
    environment = {"MIXPANEL_TOKEN": "local-project-token", "MIXPANEL_BASE_URL": NOBODY, "EXIT_SECONDS": "0.5"}
    async with serving(**environment) as service:
        answered = await stopped_under_load(service)
    assert service.process.returncode == 0, "".join(service.lines)
    lost = [int(found) for found in re.findall(r"(\d+) records were not delivered", "".join(service.lines))]
    assert sum(lost) >= 2 * len(answered)  # the order, and the request


async def test_a_worker_that_dies_while_mixpanel_fails(mixpanel: LocalMixpanel) -> None:
    """Faults of Mixpanel around the end of the workers cost no event: the batch is sent again before they end."""
    mixpanel.fail_next(2, path="/import")
    async with serving(**mixpanel.environment, EXIT_SECONDS="20") as service:
        answered = await stopped_under_load(service)
    assert answered <= {event["properties"]["order"] for event in mixpanel.events("Order Placed")}


async def test_what_events_say(mixpanel: LocalMixpanel) -> None:
    """Users, routes, browser and address; a stream has the context; nothing forged, and nothing of the path."""
    headers = {
        "x-forwarded-for": "6.6.6.6, 198.51.100.7",
        "user-agent": "Mozilla/5.0 (Windows NT 10.0; rv:121.0) Gecko/20100101 Firefox/121.0",
    }
    paths = ("products/lamp/", "log-in/ann/", "products/chair/?token=secret", "orders.csv", "secret")
    async with serving(**mixpanel.environment) as service:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers=headers) as http:
            for path in paths:
                async with http.get(f"{service.address}/{path}") as reply:
                    await reply.read()
        await asyncio.to_thread(service.stop, signal.SIGTERM)
    served = [event["properties"] for event in mixpanel.events("Request Served")]
    assert {(each["route"], each["status"], each["distinct_id"]) for each in served} == {
        ("/products/<slug:slug>/", 200, ""), ("/log-in/<str:user>/", 200, "ann"),
        ("/products/<slug:slug>/", 200, "ann"), ("/orders.csv", 200, "ann"), ("(no route)", 404, "ann"),
    }  # fmt: skip
    every = mixpanel.events()
    assert {event["properties"]["ip"] for event in every} == {"198.51.100.7"}
    assert {event["properties"]["$browser"] for event in every} == {"Firefox"}
    assert [event["properties"]["distinct_id"] for event in mixpanel.events("Row Exported")] == ["ann"] * 3
    assert {event["properties"]["distinct_id"] for event in mixpanel.events("Product Viewed")} == {"", "ann"}
    assert mixpanel.profiles()["ann"]["first seen in"] == "shop"
    assert "secret" not in str(every)
