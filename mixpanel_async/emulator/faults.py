"""Fault injection: which requests fail, how, and how often.

Kinds, by what happens to the request's records:

- not stored: `status` (replies with `status`, `body` and `headers`), `reset_before` (resets the connection before it
  reads the body), `hang` (reads the body and never replies; with `seconds`, resets the connection after them);
- stored as usual: `delay` (waits `seconds`, then continues), `reset_after` (stores, then resets the connection),
  `truncate` (truncates the reply, see `variant`), `count_mismatch` (num_records_imported is one too small),
  `garbage_body` (200 with `body`, by default one that is not JSON);
- some stored: `partial` (rejects the records at `indexes` and stores the others).

Variants of `truncate`: `content_length` (announces more bytes than it sends; the default except for exports),
`cut_line` (the connection ends in the middle of a line; the default for exports), `cut_after_line` (the connection
ends after a complete line), `chunked_cut` (the last chunk is missing), `terminated_line` (the literal line
`export terminated early` ends an otherwise complete body) and `half_gzip` (a complete body that contains half of the
gzip stream).
"""

import fnmatch
from typing import Any, Literal

import msgspec

FaultKind = Literal[
    "status",
    "delay",
    "reset_before",
    "reset_after",
    "truncate",
    "partial",
    "hang",
    "count_mismatch",
    "garbage_body",
]
FaultVariant = Literal["content_length", "cut_line", "cut_after_line", "chunked_cut", "terminated_line", "half_gzip"]


class InjectedFault(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One fault to inject; the module's docstring describes each kind.

    Attributes:
        path: Path of the requests that fail; shell wildcards are allowed.
        kind: How they fail.
        status: HTTP status of `status` faults.
        body: Body of `status` and `garbage_body` faults: text, or a JSON value (default: a plausible one).
        headers: Headers of `status` and `garbage_body` faults.
        seconds: Duration of `delay` and `hang`; None lets a `hang` last until the server stops.
        times: Number of requests that fail; None for all until the faults are cleared.
        after: Number of matching requests that succeed first.
        indexes: Records that `partial` rejects, counted from 0.
        variant: How `truncate` truncates the reply.
    """

    path: str
    kind: FaultKind
    status: int = 503
    body: Any = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    seconds: float | None = None
    times: int | None = 1
    after: int = 0
    indexes: tuple[int, ...] = ()
    variant: FaultVariant | None = None


class _Armed(msgspec.Struct):
    number: int
    fault: InjectedFault
    to_pass: int
    left: int | None


class FaultPlan:
    """Pending faults, in the order in which they were added."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._added = 0

    def add(self, fault: InjectedFault) -> None:
        """Add a fault."""
        self._added += 1
        self._armed.append(_Armed(number=self._added, fault=fault, to_pass=fault.after, left=fault.times))

    def remove(self, number: int) -> bool:
        """Remove one fault, by its number in `armed`; return whether it could still occur."""
        found = [armed for armed in self._armed if armed.number == number and armed.left != 0]
        self._armed = [armed for armed in self._armed if armed.number != number]
        return bool(found)

    def clear(self) -> None:
        """Remove all faults."""
        self._armed.clear()

    def pending(self) -> list[InjectedFault]:
        """Return the faults that can still occur."""
        return [fault for _, fault, _ in self.armed()]

    def armed(self) -> list[tuple[int, InjectedFault, int | None]]:
        """Return the faults that can still occur: number, fault, and how many requests are left; None for all."""
        return [(one.number, one.fault, one.left) for one in self._armed if one.left is None or one.left > 0]

    def take(self, path: str) -> InjectedFault | None:
        """Return the fault for a request to `path`, if any, and count it."""
        for armed in self._armed:
            if armed.left == 0 or not fnmatch.fnmatchcase(path, armed.fault.path):
                continue
            if armed.to_pass > 0:
                armed.to_pass -= 1
                continue
            if armed.left is not None:
                armed.left -= 1
            return armed.fault
        return None
