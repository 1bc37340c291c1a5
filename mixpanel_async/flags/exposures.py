"""Exposures: the events which say that a user got a variant; each is sent once."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, Protocol

from mixpanel_async.engine.receipts import Receipt
from mixpanel_async.flags.log_once import LogOnce
from mixpanel_async.flags.models import FlagContext, FlagResult
from mixpanel_async.json_types import JSONValue
from mixpanel_async.models import Outcome
from mixpanel_async.session.loop_owner import LoopOwner

_EVENT: Final = "$experiment_started"
_MAX_KNOWN: Final = 10_000
_MAX_WAITING: Final = 10_000


class Track(Protocol):
    """Queues an event without waiting."""

    def __call__(self, distinct_id: str | int | None, event: str, properties: Mapping[str, JSONValue]) -> Receipt:
        """Queue an event and return its receipt."""


class Exposures:
    """Tracks an exposure the first time that a user gets a variant of a flag; it remembers the latest 10,000.

    It may be called in any thread, neither waits nor raises.

    Args:
        track: Queues an event, in the client's loop.
        owner: Knows the client's loop.
        log: Logs what cannot be tracked.
    """

    def __init__(self, track: Track, owner: LoopOwner, log: LogOnce) -> None:
        self._track = track
        self._owner = owner
        self._log = log
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str | None, str | int], None] = OrderedDict()
        self._waiting = 0  # exposures of other threads that the loop has not taken yet

    def is_new(self, result: FlagResult, context: FlagContext) -> bool:
        """Return whether an exposure is to be tracked, and take it as known from now on.

        Args:
            result: The variant.
            context: Its context, with the user's distinct_id.
        """
        user = context.get("distinct_id")
        if not user or isinstance(user, bool) or not isinstance(user, str | int):
            self._log.warn("distinct_id", f"the exposure of {result.key!r} is not tracked: no distinct_id in context")
            return False
        key = (result.key, result.variant, user)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return False
            self._known[key] = None
            if len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)
        return True

    def send(self, result: FlagResult, context: FlagContext, details: Mapping[str, JSONValue]) -> None:
        """Queue an exposure.

        Args:
            result: The variant.
            context: Its context.
            details: Further properties.
        """
        user = context["distinct_id"]
        if not isinstance(user, str | int):
            return
        properties = {
            "Experiment name": result.key,
            "Variant name": result.variant,
            "$experiment_type": "feature_flag",
            "Flag evaluation mode": result.source,
            **details,
        }
        key = (result.key, result.variant, user)
        try:
            if self._owner.is_home():
                self._queue(key, properties)
            elif self._waiting >= _MAX_WAITING:
                self._forget(key)
            else:
                self._waiting += 1
                self._owner.loop.call_soon_threadsafe(self._take, key, properties)
        except Exception as error:  # an exposure must not break the code that asks for a flag
            self._note_failure(key, error)

    def _take(self, key: tuple[str, str | None, str | int], properties: Mapping[str, JSONValue]) -> None:
        self._waiting -= 1
        try:
            self._queue(key, properties)
        except Exception as error:  # as above
            self._note_failure(key, error)

    def _queue(self, key: tuple[str, str | None, str | int], properties: Mapping[str, JSONValue]) -> None:
        receipt = self._track(key[2], _EVENT, properties)
        if receipt.outcome is Outcome.DROPPED:
            self._forget(key)

    def _note_failure(self, key: tuple[str, str | None, str | int], error: Exception) -> None:
        self._forget(key)
        self._log.warn(f"exposure {type(error).__name__}", f"the exposure of {key[0]!r} is not tracked: {error}")

    def _forget(self, key: tuple[str, str | None, str | int]) -> None:
        """Let a later evaluation try again."""
        with self._lock:
            self._known.pop(key, None)
