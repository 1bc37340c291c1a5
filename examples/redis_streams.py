"""Sends events from a Redis stream to Mixpanel, as a consumer group: run any number of these.

    pip install mixpanel-async redis  # and Redis 7 or newer
    REDIS_URL=redis://127.0.0.1:6379/0 MIXPANEL_TOKEN=... python examples/redis_streams.py

Producers write: XADD app-events * name "Signed Up" user user-1 properties '{"plan": "pro"}'. An entry is acknowledged
(XACK) only when it has an outcome. Pending entries of a dead consumer are claimed by the others and sent with the same
$insert_id, so that Mixpanel keeps one. Rejected entries go to the stream app-events:rejected with the reason. On
SIGTERM or SIGINT a consumer delivers what it has read and stops; a second signal stops it at once. MIXPANEL_BASE_URL,
MIXPANEL_REGION and the other variables are read, too; `mixpanel-async serve` runs a local server to try it with.
"""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from mixpanel_async import Ack, AsyncMixpanel

STREAM = os.environ.get("REDIS_STREAM", "app-events")
REJECTED = f"{STREAM}:rejected"
GROUP = "mixpanel"
READ_ENTRIES = 500
MAX_UNACKNOWLEDGED = 10_000  # maximum number of entries read but not yet settled; reading waits
ACK_ENTRIES = 500
WAIT_MS = 1_000  # how long a read waits for new entries; stopping takes up to as long
CLAIM_SECONDS = float(os.environ.get("CLAIM_SECONDS", "60"))  # after so much silence a consumer is dead

Fields = Mapping[bytes, bytes]
Entry = tuple[str, Fields]


class Consumer:
    """One consumer of the group.

    Args:
        redis: The connection to Redis.
        stop: Set it to stop reading.
    """

    def __init__(self, redis: Redis, stop: asyncio.Event) -> None:
        self._redis = redis
        self._stop = stop
        self._name = f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(4)}"
        self._held: set[str] = set()  # IDs of entries that were read and not yet acknowledged
        self._claim_from = "0-0"
        self._claim_at = 0.0

    async def run(self, mixpanel: AsyncMixpanel) -> None:
        """Send entries until `stop` is set."""
        with contextlib.suppress(ResponseError):  # the group exists already
            await self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        settled: list[Ack[Entry]] = []
        pipe = mixpanel.pipe(self._records(), max_unacknowledged=MAX_UNACKNOWLEDGED)
        async with contextlib.aclosing(pipe) as acks:
            async for ack in acks:
                settled.append(ack)
                if len(settled) in {ACK_ENTRIES, len(self._held)}:  # a full batch, or everything that was read
                    await self._acknowledge(settled)
                    settled.clear()
        # Only now, with every entry acknowledged: deleting a consumer deletes its list of pending entries, too.
        await self._redis.xgroup_delconsumer(STREAM, GROUP, self._name)

    async def _records(self) -> AsyncGenerator[tuple[Entry, dict[str, object]]]:
        while not self._stop.is_set():
            for entry_id, fields in await self._claimed() or await self._new():
                entry = entry_id.decode(), fields
                if entry[0] not in self._held:  # a claimed entry may be one of our own that is still in flight
                    self._held.add(entry[0])
                    yield entry, event_of(entry)

    async def _claimed(self) -> list[tuple[bytes, Fields]]:
        """Claim pending entries of dead consumers, at the start and from time to time."""
        if time.monotonic() < self._claim_at:
            return []
        idle_ms = round(CLAIM_SECONDS * 1000)
        start, entries, *_ = await self._redis.xautoclaim(
            STREAM, GROUP, self._name, idle_ms, start_id=self._claim_from, count=READ_ENTRIES
        )
        self._claim_from = start.decode()
        if self._claim_from == "0-0":  # the scan has reached the end of the list
            self._claim_at = time.monotonic() + max(CLAIM_SECONDS, 1.0)
        return list(entries)

    async def _new(self) -> list[tuple[bytes, Fields]]:
        found: Any = await self._redis.xreadgroup(GROUP, self._name, {STREAM: ">"}, count=READ_ENTRIES, block=WAIT_MS)
        return [entry for _, entries in found for entry in entries]

    async def _acknowledge(self, acks: Sequence[Ack[Entry]]) -> None:
        """Acknowledge entries; copy rejected ones to their stream in the same transaction."""
        async with self._redis.pipeline(transaction=True) as commands:
            for ack in acks:
                if ack.is_rejected:
                    entry_id, fields = ack.offset
                    reason = {"id": entry_id, "reason": ack.verdict.reason, "message": ack.verdict.message}
                    entry: dict[Any, Any] = {**fields, **{f"mixpanel_{name}": text for name, text in reason.items()}}
                    commands.xadd(REJECTED, entry)
            commands.xack(STREAM, GROUP, *(ack.offset[0] for ack in acks))
            await commands.execute()
        self._held.difference_update(ack.offset[0] for ack in acks)


def event_of(entry: Entry) -> dict[str, object]:
    """Return the event of an entry; for one that is not a valid event, something that the pipe rejects."""
    entry_id, fields = entry
    own = {
        "time": int(entry_id.partition("-")[0]),  # milliseconds since 1970: when the entry was added
        "distinct_id": fields.get(b"user", b"").decode(errors="replace"),
        "$insert_id": entry_id,
    }
    try:
        properties = {**json.loads(fields.get(b"properties", b"{}")), **own}
    except (TypeError, ValueError, RecursionError):
        return {}
    return {"event": fields.get(b"name", b"").decode(errors="replace"), "properties": properties}


async def main() -> None:
    """Run until a signal arrives."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def end(which: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(which)  # a second signal has its default effect; no entry is lost

    for which in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(which, end, which)
    async with (
        Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")) as redis,
        AsyncMixpanel.from_env() as mixpanel,
    ):
        await Consumer(redis, stop).run(mixpanel)


if __name__ == "__main__":
    asyncio.run(main())
