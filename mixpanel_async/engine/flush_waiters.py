"""Pending flush() calls. Each completes when every record admitted before it has settled."""

import asyncio

from mixpanel_async.engine.ledger import Ledger


class Flushes:
    """The flush() calls that have not returned.

    Args:
        ledger: Counts unsettled records.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def wait_for(self, generation: int) -> "asyncio.Future[None]":
        """Return a future that completes when a generation and those before it have settled."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((generation, future))
        self.look()
        return future

    def look(self) -> None:
        """Complete the flushes that have nothing left to wait for; called when records settle."""
        if not self._waiting:
            return
        left = []
        for generation, future in self._waiting:
            if future.done():
                continue
            if self._ledger.pending(generation):
                left.append((generation, future))
            else:
                future.set_result(None)
        self._waiting = left
