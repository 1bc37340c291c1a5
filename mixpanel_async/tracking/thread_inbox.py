"""Takes events from other threads to the client's event loop."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context, copy_context
from typing import Final, NamedTuple

from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.errors import ClientClosedError
from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.session.loop_owner import LoopOwner
from mixpanel_async.tracking.outgoing import OutgoingEvent

_MAX_WAITING: Final = 10_000
_SLICE: Final = 200  # events that are taken in at once; some tenths of a millisecond of the event loop
_CLOSED: Final = Verdict(Outcome.DROPPED, "closed", "", "the client was closed before it took the event")


class _Item(NamedTuple):
    event: OutgoingEvent
    future: "Future[Verdict]"
    context: Context | None


class ThreadInbox:
    """A bounded queue; threads wait while it is full, and the loop takes from it in slices.

    Args:
        owner: The loop that the client belongs to.
        track: Queues an event, in that loop, without waiting.
        max_wait_seconds: How long a thread waits while the queue is full. After that, its event is dropped.
        keeps_context: Whether an event is queued in the context of its thread, which telemetry looks at.
    """

    def __init__(
        self,
        owner: LoopOwner,
        track: Callable[[OutgoingEvent], Receipt],
        max_wait_seconds: float,
        *,
        keeps_context: bool = False,
    ) -> None:
        self._keeps_context = keeps_context
        self._owner = owner
        self._track = track
        self._max_wait_seconds = max_wait_seconds
        self._items: deque[_Item] = deque()
        self._space = threading.Condition()
        self._is_woken = False
        self._is_closed = False

    def put(self, event: OutgoingEvent) -> "Future[Verdict]":
        """Hand an event over, in any thread.

        Raises:
            ClientClosedError: The client is closed.
            WrongLoopError: The client was not used in an event loop so far.
        """
        loop = self._owner.loop
        item = _Item(event, Future(), copy_context() if self._keeps_context else None)
        with self._space:
            # The loop's own thread must not wait for itself.
            if not self._owner.is_home():
                self._space.wait_for(lambda: self._is_closed or len(self._items) < _MAX_WAITING, self._max_wait_seconds)
            if self._is_closed:
                raise ClientClosedError("the client is closed; make a new one to send records")
            self._items.append(item)
            if self._is_woken:
                return item.future
            self._is_woken = True
        try:
            # In an empty context: that of this thread belongs to this event, and not to those of other threads.
            loop.call_soon_threadsafe(self._take_some, context=Context())
        except RuntimeError:
            raise ClientClosedError("the client's event loop is closed; make a new client") from None
        return item.future

    def take_all(self) -> None:
        """Queue everything that is waiting; called in the loop, before a flush."""
        while self._items:
            self._take(len(self._items))

    def close(self) -> None:
        """Queue everything that is waiting, and take nothing more."""
        with self._space:
            self._is_closed = True
            self._space.notify_all()
        self.take_all()

    def _take_some(self) -> None:
        self._take(_SLICE)
        with self._space:
            self._is_woken = bool(self._items)
            if not self._is_woken:
                return
        self._owner.loop.call_soon(self._take_some)

    def _take(self, count: int) -> None:
        for _ in range(count):
            try:
                item = self._items.popleft()
            except IndexError:
                break
            self._hand_over(item)
        with self._space:
            self._space.notify_all()

    def _hand_over(self, item: _Item) -> None:
        if not item.future.set_running_or_notify_cancel():
            return
        try:
            track = self._track
            receipt = track(item.event) if item.context is None else item.context.run(track, item.event)
            receipt.tell(item.future)
        except ClientClosedError:
            item.future.set_result(_CLOSED)
        except Exception as error:
            item.future.set_exception(error)
