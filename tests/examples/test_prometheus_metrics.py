"""The Prometheus example, as a process of its own that is scraped over a socket."""

import asyncio
import contextlib
import urllib.request
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from mixpanel_async.emulator import Emulator, InjectedFault
from tests.conftest import TOKEN
from tests.examples.test_fastapi_app import running


def scrape(address: str) -> Mapping[tuple[str, str], float]:
    """Return the samples of an endpoint, by name and outcome."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as reply:  # noqa: S310 - its own address
        assert reply.headers["Content-Type"].startswith("text/plain")
        text = reply.read().decode()
    return {
        (sample.name, sample.labels.get("outcome", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_scrape(server: Emulator) -> None:
    """Each scrape has the client's counters, and the program ends with everything delivered."""
    server.faults.add(InjectedFault(path="/track", kind="status", status=503))
    with contextlib.ExitStack() as stack:
        program = await asyncio.to_thread(
            stack.enter_context,
            running(
                ["examples/prometheus_metrics.py"],
                METRICS_PORT="0",
                MIXPANEL_TOKEN=TOKEN,
                MIXPANEL_BASE_URL=server.url,
            ),
        )
        async with asyncio.timeout(30):
            while (found := await asyncio.to_thread(scrape, program.address))["mixpanel_retries_total", ""] < 1:
                await server.changed()
            delivered = ("mixpanel_records_total", "unverified")
            while (found := await asyncio.to_thread(scrape, program.address))[delivered] < 1:
                await asyncio.to_thread(lambda: None)
        await asyncio.to_thread(program.stop)
    assert program.process.returncode == 0, program.lines
    assert found["mixpanel_requests_total", ""] >= 2
    assert found["mixpanel_sent_bytes_total", ""] > 0
    assert {outcome for name, outcome in found if name == "mixpanel_records_total"} == {
        "accepted", "unverified", "rejected", "duplicate", "expired", "dropped", "skipped", "unknown",
    }  # fmt: skip
    assert {"mixpanel_queued_records", "mixpanel_in_flight_records", "mixpanel_buffered_bytes"} <= {
        name for name, _ in found
    }
    assert len(await server.events()) >= found[delivered]
