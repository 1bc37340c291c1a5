"""Metrics that are read from the counters of clients when they are collected."""

import itertools
import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation, get_meter_provider

from mixpanel_async.models import Stats
from mixpanel_async.telemetry import Observed

_PREFIX: Final = "mixpanel.client."
_RECORDS: Final = "records"
# Name, unit, description, value.
_COUNTERS: Final[tuple[tuple[str, str, str, Callable[[Stats], int]], ...]] = (
    ("requests", "{request}", "HTTP requests that carried records or calls, retries included", lambda s: s.requests),
    ("retries", "{request}", "HTTP requests that repeated an earlier one", lambda s: s.retries),
    ("rate_limited", "{response}", "Replies with status 429", lambda s: s.rate_limited),
    ("sent.bytes", "By", "Bytes of request bodies, as sent", lambda s: s.sent_bytes),
)
_LEVELS: Final[tuple[tuple[str, str, str, Callable[["_Reading"], int]], ...]] = (
    ("queue.size", "{record}", "Records that wait to be sent or retried", lambda r: r.stats.queued),
    ("queue.bytes", "By", "Bytes held: queued, in flight and compressed", lambda r: r.stats.buffered_bytes),
    ("queue.capacity", "By", "Bytes that may be held", lambda r: r.buffer_bytes),
    ("inflight", "{record}", "Records in a request that is under way", lambda r: r.stats.in_flight),
)
_Key = tuple[str, str]  # a counter and an outcome, which only records have


class _Reading(NamedTuple):
    """What a living client says."""

    number: int
    stats: Stats
    buffer_bytes: int


class Followed:
    """A client whose counters are read.

    Args:
        client: The client; kept by a weak reference.
        number: Its number in this process; another client gets it afterwards.
        buffer_bytes: Bytes that its buffer holds at most.
    """

    def __init__(self, client: Observed, number: int, buffer_bytes: int) -> None:
        self._client = weakref.ref(client)
        self.number = number
        self._buffer_bytes = buffer_bytes
        self._latest: Stats | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the client was freed."""
        return self._client() is None

    def read(self) -> _Reading | None:
        """Return the counters; those of a client that was freed as they were read before; None: never."""
        client = self._client()
        if client is not None:
            try:
                self._latest = client.stats
            except AttributeError:  # its constructor has not ended
                return None
        return None if self._latest is None else _Reading(self.number, self._latest, self._buffer_bytes)


class Counters:
    """The counters of all clients of one `OpenTelemetry`.

    Counters go on after a client is closed, so that what it delivered last is exported. Clients have numbers, and the
    counters of clients that have the same one, one after the other, add up: however many clients a process makes, the
    number of series stays bounded.

    Args:
        meter: Makes the instruments.
        provider: The provider that the meter is of; None: the global one, which may be set later.
    """

    def __init__(self, meter: Meter, provider: MeterProvider | None) -> None:
        self._provider = provider
        self._forget()
        _ALL.add(self)
        records = (_RECORDS, "{record}", "Records that got their outcome")
        for name, unit, text in (records, *(one[:3] for one in _COUNTERS)):
            callback = self._callback(partial(self._observe_counts, name))
            meter.create_observable_counter(_PREFIX + name, [callback], unit, text)
        for name, unit, text, value in _LEVELS:
            callback = self._callback(partial(self._observe_levels, value))
            meter.create_observable_up_down_counter(_PREFIX + name, [callback], unit, text)

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._followed: list[Followed] = []
        self._closed: dict[int, Counter[_Key]] = {}

    def _check_process(self) -> None:
        if os.getpid() != self._pid:  # what the parent process counted is the parent's to export
            self._forget()

    def follow(self, client: Observed, buffer_bytes: int) -> Followed:
        """Read the counters of a client from now on."""
        taken = {one.number for counters in tuple(_ALL) for one in counters.living()}
        number = next(number for number in itertools.count() if number not in taken)
        self._check_process()
        followed = Followed(client, number, buffer_bytes)
        with self._lock:
            self._followed.append(followed)
        return followed

    def close(self, followed: Followed) -> None:
        """Read the counters of a client for the last time."""
        self._check_process()
        reading = followed.read()
        with self._lock:
            if followed not in self._followed:
                return
            self._followed.remove(followed)
            if reading is not None:
                self._closed.setdefault(reading.number, Counter()).update(_counts(reading.stats))

    def living(self) -> Iterable[Followed]:
        """Return the clients that are not closed; those that were freed without it count as closed from now on."""
        self._check_process()
        with self._lock:
            followed = tuple(self._followed)
        for one in followed:
            if one.is_gone:
                self.close(one)
        return [one for one in followed if not one.is_gone]

    def _mates(self) -> Iterable["Counters"]:
        """Return what this meter has to export: an instrument that exists calls only the callbacks it was made with."""
        own = self._provider or get_meter_provider()
        return [one for one in tuple(_ALL) if (one._provider or get_meter_provider()) is own]  # noqa: SLF001 - its own class

    @staticmethod
    def _callback(observe: Callable[[], Iterator[Observation]]) -> Callable[[CallbackOptions], Iterator[Observation]]:
        return lambda _: observe()

    def _observe_counts(self, name: str) -> Iterator[Observation]:
        totals: dict[int, Counter[_Key]] = {}
        for counters in self._mates():
            living = counters.living()
            for number, counts in tuple(counters._closed.items()):  # noqa: SLF001 - its own class
                totals.setdefault(number, Counter()).update(counts)
            for reading in filter(None, (one.read() for one in living)):
                totals.setdefault(reading.number, Counter()).update(_counts(reading.stats))
        for number, counts in totals.items():
            for (counter, outcome), value in counts.items():
                if counter == name:
                    yield Observation(value, _attributes(number, outcome))

    def _observe_levels(self, value: Callable[[_Reading], int]) -> Iterator[Observation]:
        for counters in self._mates():
            for reading in filter(None, (one.read() for one in counters.living())):
                yield Observation(value(reading), _attributes(reading.number))


# Providers live as long as the process, and an instrument exists once in each of them: whoever made it has to know the
# clients of the others.
_ALL: Final[weakref.WeakSet[Counters]] = weakref.WeakSet()


def _counts(stats: Stats) -> dict[_Key, int]:
    counts = {(_RECORDS, outcome.value): count for outcome, count in stats.outcomes.items()}
    return {**counts, **{(name, ""): value(stats) for name, _, _, value in _COUNTERS}}


def _attributes(number: int, outcome: str = "") -> Mapping[str, str | int]:
    return {"mixpanel.client.id": number, **({"mixpanel.outcome": outcome} if outcome else {})}
