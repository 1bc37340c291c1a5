"""Batch and BatchBuilder: records of one request, and the builder that seals them at their limits."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from itertools import accumulate
from typing import Final, Generic, TypeVar

from mixpanel_async.engine.memory_budget import RECORD_OVERHEAD_BYTES
from mixpanel_async.engine.receipts import Tickets
from mixpanel_async.errors import MixpanelError
from mixpanel_async.telemetry import MakeOrigins, Origins

T = TypeVar("T")
MAX_BISECT_REQUESTS: Final = 100
_SHORT_SEARCH_REQUESTS: Final = 2  # both halves, where the batch before had no good record
BRACKETS_BYTES: Final = 2
COMMA_BYTES: Final = 1
_LOOK_AT_ALL: Final = 32
_LOOKS: Final = 4  # among as many records as a batch has already


class Bisection:
    """The search for the records that spoil a batch, shared by all parts of that batch.

    Attributes:
        requests_left: Requests that the search may still cost; a few bad records among 2,000 need some 22 each.
        open_parts: Parts of the batch without an outcome.
        has_good: Whether a part of it was accepted.

    Args:
        is_short: Whether the search ends with the halves unless one of them is accepted.
    """

    __slots__ = ("_refused", "_spare_requests", "has_good", "open_parts", "requests_left")

    def __init__(self, *, is_short: bool = False) -> None:
        self.requests_left = _SHORT_SEARCH_REQUESTS if is_short else MAX_BISECT_REQUESTS
        self._spare_requests = MAX_BISECT_REQUESTS - self.requests_left
        self.open_parts = 1
        self.has_good = False
        self._refused: set[Batch] = set()

    def note_good(self) -> None:
        """Note that a part was accepted: the search is worth all its requests."""
        self.has_good = True
        self.requests_left += self._spare_requests
        self._spare_requests = 0

    def is_undecided(self, batch: "Batch") -> bool:
        """Note that a part of a short search was refused; return whether the outcome of another one will tell more."""
        self._refused.add(batch)
        return self._spare_requests > 0 and self.open_parts > len(self._refused)


class Batch:
    """The records of one request.

    Attributes:
        parts: Their JSON.
        tickets: Where their outcomes go.
        body_bytes: Uncompressed size of the body that they make.
        unsafe: Indexes of records that must not be applied twice.
        deadline: Monotonic time after which they are given up.
        generation: Number of the flush that waits for them.
        attempts: Requests made with them so far.
        mismatches: Replies whose counts did not add up.
        foreign_replies: Replies that did not come from Mixpanel.
        last_error: The error of the last attempt.
        is_in_request: Whether a request with them may have left this machine and has no reply yet.
        is_ambiguous: Whether an earlier request may have been applied.
        body: The body as sent, while a request is in flight.
        bisection: The search for bad records that this batch is a part of.
        split_from: Body bytes of the batch that was refused with 413 and split into this one.
        origins: Where its records were made; None without telemetry.
    """

    __slots__ = (
        "attempts",
        "bisection",
        "body",
        "body_bytes",
        "deadline",
        "foreign_replies",
        "generation",
        "is_ambiguous",
        "is_in_request",
        "last_error",
        "mismatches",
        "origins",
        "parts",
        "split_from",
        "tickets",
        "unsafe",
    )

    def __init__(
        self, parts: Sequence[bytes], tickets: Tickets, body_bytes: int, unsafe: frozenset[int] = frozenset()
    ) -> None:
        self.parts = parts
        self.tickets = tickets
        self.body_bytes = body_bytes
        self.unsafe = unsafe
        self.deadline = float("inf")
        self.generation = 0
        self.attempts = 0
        self.mismatches = 0
        self.is_ambiguous = False
        self.is_in_request = False
        self.body: bytes | None = None
        self.foreign_replies = 0
        self.last_error: MixpanelError | None = None
        self.bisection: Bisection | None = None
        self.split_from: int | None = None
        self.origins: Origins | None = None

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def parts_bytes(self) -> int:
        """Bytes of the records alone."""
        return self.body_bytes - BRACKETS_BYTES - COMMA_BYTES * (len(self.parts) - 1)

    @property
    def held_bytes(self) -> int:
        """Bytes of the records and their overhead, as the memory budget counts them."""
        return self.parts_bytes + RECORD_OVERHEAD_BYTES * len(self.parts)

    def select(self, indices: Sequence[int]) -> "Batch":
        """Return a batch of some of the records, with the history of this one and without its body."""
        parts = [self.parts[index] for index in indices]
        unsafe = frozenset(new for new, old in enumerate(indices) if old in self.unsafe) if self.unsafe else self.unsafe
        batch = Batch(parts, self.tickets.select(indices), body_size(parts), unsafe)
        batch.deadline = self.deadline
        batch.generation = self.generation
        batch.attempts = self.attempts
        batch.mismatches = self.mismatches
        batch.foreign_replies = self.foreign_replies
        batch.last_error = self.last_error
        batch.is_ambiguous = self.is_ambiguous
        batch.bisection = self.bisection
        batch.origins = self.origins
        return batch

    def halves(self) -> tuple["Batch", "Batch"]:
        """Return the two batches that replace this one."""
        middle = len(self) // 2
        return self.select(range(middle)), self.select(range(middle, len(self)))


def body_size(parts: Sequence[bytes]) -> int:
    """Return the bytes of the JSON array that `parts` make."""
    return BRACKETS_BYTES + sum(map(len, parts)) + COMMA_BYTES * max(0, len(parts) - 1)


class BatchBuilder(Generic[T]):
    """Collects records until one of the limits is reached; no batch ever exceeds one.

    Args:
        max_records: Records in a batch.
        max_bytes: Uncompressed bytes of a batch's body.
        make_tickets: Makes a batch's tickets from those of its records.
        make_origins: Makes the place for where its records were made; None: it is not noted.

    Attributes:
        look_at: Number of records at which `look` must be called: of a full batch, and of those that are looked at.
    """

    def __init__(
        self,
        max_records: int,
        max_bytes: int,
        make_tickets: Callable[[list[T]], Tickets],
        make_origins: MakeOrigins | None = None,
    ) -> None:
        self.max_records = max_records
        self.max_bytes = max_bytes
        self._make_tickets = make_tickets
        self._make_origins = make_origins
        self._clear()

    def _clear(self) -> None:
        self.parts: list[bytes] = []
        self.tickets: list[T] = []
        self.unsafe: list[int] = []
        self.body_bytes = BRACKETS_BYTES - COMMA_BYTES
        self._origins = None if self._make_origins is None else self._make_origins()
        self.look_at = self.max_records if self._origins is None else 1

    def look(self) -> bool:
        """Note where the latest record was made; return whether the batch is full.

        Each of the first records is looked at, and later ones ever more seldom, so that it costs an event next to
        nothing: 50 of 2,000.
        """
        count = len(self.parts)
        if self._origins is not None:
            at = count + (1 if count < _LOOK_AT_ALL else count // _LOOKS)
            self.look_at = at if self._origins.note() and at < self.max_records else self.max_records
        return count >= self.max_records

    def add(self, part: bytes, ticket: T, *, is_unsafe: bool = False) -> Sequence[Batch]:
        """Add a record; return the batches that this sealed: none, one or two.

        The caller has checked that the record alone fits into `max_bytes`.
        """
        size = self.body_bytes + len(part) + COMMA_BYTES
        sealed: Sequence[Batch] = ()
        if size > self.max_bytes and self.parts:
            sealed = self.seal()
            size = self.body_bytes + len(part) + COMMA_BYTES
        self.body_bytes = size
        if is_unsafe:
            self.unsafe.append(len(self.parts))
        self.parts.append(part)
        self.tickets.append(ticket)
        if len(self.parts) >= self.look_at and self.look():
            return [*sealed, *self.seal()]
        return sealed

    def extend(
        self, parts: Sequence[bytes], make_ticket: Callable[[int, int], T], unsafe: AbstractSet[int] = frozenset()
    ) -> list[Batch]:
        """Take many records in, as `add` does one by one, and return the batches that this sealed.

        Args:
            parts: Their JSON.
            make_ticket: Called with the range of `parts` that went into one batch; returns the ticket for that range.
            unsafe: Indexes of parts that must not be applied twice.
        """
        sealed: list[Batch] = []
        start = 0
        while start < len(parts):
            taken = parts[start : start + self.max_records - len(self.parts)]
            size = sum(map(len, taken)) + COMMA_BYTES * len(taken)
            if self.body_bytes + size > self.max_bytes:
                taken = taken[: self._fitting(taken)]
                size = sum(map(len, taken)) + COMMA_BYTES * len(taken)
            if taken:
                end = start + len(taken)
                if unsafe:
                    shift = len(self.parts) - start
                    self.unsafe += [index + shift for index in range(start, end) if index in unsafe]
                self.parts += taken
                self.tickets.append(make_ticket(start, end))
                self.body_bytes += size
                start = end
            if not taken or len(self.parts) >= self.max_records:
                sealed += self.seal()
        return sealed

    def _fitting(self, parts: Sequence[bytes]) -> int:
        """Return how many of the parts fit into the open batch; an empty one takes any record."""
        ends = list(accumulate(len(part) + COMMA_BYTES for part in parts))
        fitting = bisect_right(ends, self.max_bytes - self.body_bytes)
        return fitting or (0 if self.parts else 1)

    def seal(self) -> Sequence[Batch]:
        """Return the collected records as a batch; nothing if there are none."""
        if not self.parts:
            return ()
        batch = Batch(self.parts, self._make_tickets(self.tickets), self.body_bytes, frozenset(self.unsafe))
        batch.origins = self._origins
        self._clear()
        return (batch,)

    def __len__(self) -> int:
        return len(self.parts)
