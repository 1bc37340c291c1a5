"""Faults on demand: which request fails, in which way, how often.

Kinds, by what happens to the request's records:

- not stored: `status` (answers `status` with `body` and `headers`), `reset_before` (resets the connection before the
  body is read), `hang` (reads the body, never answers; with `seconds`, resets the connection after them);
- stored as usual: `delay` (waits `seconds`, then goes on), `reset_after` (stores, then resets the connection),
  `truncate` (the answer breaks off, see `variant`), `count_mismatch` (num_records_imported is one too small),
  `garbage_body` (200 with a body that is no JSON, or `body`);
- some stored: `partial` (the records at `indexes` are refused, the others are in).

Variants of `truncate`: `content_length` (announces more bytes than are sent; the default but for exports),
`cut_line` (a body delimited by the end of the connection, which ends in mid-line; the default of exports),
`cut_after_line` (the same, after a whole line), `chunked_cut` (the last chunk never comes), `terminated_line` (the
literal line `export terminated early` ends an otherwise proper body) and `half_gzip` (half of the gzip stream in a
proper body).
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
    """One fault; the module's docstring says what each kind does.

    Attributes:
        path: Path of the requests that it strikes; shell wildcards are allowed.
        kind: What goes wrong.
        status: HTTP status of `status` faults.
        body: Body of `status` and `garbage_body` faults: text, or a JSON value; None takes a plausible one.
        headers: Headers of `status` and `garbage_body` faults.
        seconds: How long `delay` and `hang` last; None lets a `hang` last until the emulator stops.
        times: How many requests it strikes; None strikes until it is cleared.
        after: How many matching requests it lets pass first.
        indexes: Records that `partial` refuses, counted from 0.
        variant: How `truncate` breaks the answer off.
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
    fault: InjectedFault
    to_pass: int
    left: int | None


class FaultPlan:
    """The faults to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, fault: InjectedFault) -> None:
        """Add a fault.

        Args:
            fault: What goes wrong, where and how often.
        """
        self._armed.append(_Armed(fault=fault, to_pass=fault.after, left=fault.times))

    def clear(self) -> None:
        """Forget all faults."""
        self._armed.clear()

    def pending(self) -> list[InjectedFault]:
        """List the faults that can still strike."""
        return [armed.fault for armed in self._armed if armed.left is None or armed.left > 0]

    def take(self, path: str) -> InjectedFault | None:
        """Decide which fault, if any, strikes a request, and count it.

        Args:
            path: Path of the request.
        """
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
