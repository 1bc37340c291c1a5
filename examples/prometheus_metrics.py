"""A service whose counters Prometheus reads: a collector that asks the client when it is scraped.

    pip install mixpanel-async prometheus-client
    MIXPANEL_TOKEN=... METRICS_PORT=9464 python examples/prometheus_metrics.py

http://127.0.0.1:9464/metrics then has the metrics. Events cost nothing more, because only a scrape reads `mp.stats`.
The loop below stands for your service. On SIGTERM and SIGINT it delivers what is queued and stops. To try it with a
local server, run `mixpanel-async serve` and set MIXPANEL_BASE_URL=http://127.0.0.1:8787 MIXPANEL_TOKEN=test.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from mixpanel_async import AsyncMixpanel
from mixpanel_async.models import Stats

PORT = int(os.environ.get("METRICS_PORT", "9464"))
COUNTERS: Final[tuple[tuple[str, str, Callable[[Stats], int]], ...]] = (
    ("mixpanel_requests", "HTTP requests, retries included", lambda stats: stats.requests),
    ("mixpanel_retries", "HTTP requests that repeated an earlier one", lambda stats: stats.retries),
    ("mixpanel_rate_limited", "Replies with status 429", lambda stats: stats.rate_limited),
    ("mixpanel_sent_bytes", "Bytes of request bodies, as sent", lambda stats: stats.sent_bytes),
)
GAUGES: Final[tuple[tuple[str, str, Callable[[Stats], int]], ...]] = (
    ("mixpanel_queued_records", "Records that wait to be sent or retried", lambda stats: stats.queued),
    ("mixpanel_in_flight_records", "Records in a request that is under way", lambda stats: stats.in_flight),
    ("mixpanel_buffered_bytes", "Bytes held by the client", lambda stats: stats.buffered_bytes),
)


class MixpanelCollector(Collector):
    """Reads the counters of a client at each scrape, in the thread of the scrape.

    Args:
        mp: The client.
    """

    def __init__(self, mp: AsyncMixpanel) -> None:
        self._mp = mp

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of one snapshot."""
        stats = self._mp.stats
        records = CounterMetricFamily("mixpanel_records", "Records that got their outcome", labels=["outcome"])
        for outcome, count in stats.outcomes.items():
            records.add_metric([outcome.value], count)
        yield records
        for name, text, value in COUNTERS:
            yield CounterMetricFamily(name, text, value=value(stats))
        for name, text, value in GAUGES:
            yield GaugeMetricFamily(name, text, value=value(stats))


async def main() -> None:
    """Track an event a second, and serve the metrics, until a signal."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    registry = CollectorRegistry()
    async with AsyncMixpanel.from_env() as mp:
        registry.register(MixpanelCollector(mp))
        server, thread = start_http_server(PORT, "127.0.0.1", registry)
        print(f"metrics at http://127.0.0.1:{server.server_port}/metrics", flush=True)
        try:
            while not stop.is_set():
                await mp.track("user-1", "Heartbeat")
                try:
                    await asyncio.wait_for(stop.wait(), 1)
                except TimeoutError:
                    continue
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
            thread.join()


if __name__ == "__main__":
    asyncio.run(main())
