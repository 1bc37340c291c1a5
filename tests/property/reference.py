"""The reference: derives the permitted outcomes of each record from the calls and the server's replies.

It does not model batches, the queues of lanes or pacing; it follows each record separately and gets the time.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from mixpanel_async import Outcome, Receipt, Settings

Answer: TypeAlias = Literal[
    "ok", "partial", "400", "401", "413", "429", "429_after", "500", "503", "unsent", "reset", "reset_after", "mismatch"
]
RETRY_AFTER_SECONDS: Final = 25.0
MAX_MISMATCHES: Final = 2
SLACK_SECONDS: Final = 0.1
AMBIGUOUS: Final = frozenset({"500", "reset", "reset_after", "mismatch", "timeout", "cancelled"})
APPLIED: Final = frozenset({"ok", "reset_after", "mismatch"})


@dataclass
class Entry:
    """One record that the client has admitted or is asked to admit."""

    number: int
    path: str
    called_at: float
    size: int
    is_unsafe: bool = False
    key: str | None = None
    receipt: Receipt | None = None
    admitted_at: float = 0.0
    tries: int = 0
    mismatches: int = 0
    applied: int = 0
    is_under_way: bool = False
    is_ambiguous: bool = False
    has_failed: bool = False
    final: Outcome | None = None  # what it must have by now
    may_be_refused: bool = False  # its request was refused as a whole, and the client may stop searching
    due_by: float = float("inf")  # when the client must have sent it, if it had a place to send it from
    may_expire_at: float = float("inf")  # from when on the client may have given it up
    parts: set[bytes] = field(default_factory=set)

    @property
    def lost(self) -> Outcome:
        """The outcome if the record is given up."""
        return Outcome.UNKNOWN if self.is_ambiguous else Outcome.EXPIRED


class Reference:
    """All records with their permitted outcomes.

    Args:
        settings: Those of the client.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.entries: dict[int, Entry] = {}
        self.stopped: dict[str, float] = {}  # by path: when the client may try again
        self.stops: dict[str, int] = defaultdict(int)
        self.trials: set[str] = set()
        self.known: dict[str, Entry] = {}  # by dedupe key, those admitted and not failed
        self.pause: tuple[float, float] = (float("-inf"), float("-inf"))  # must be still until, may be still until
        self.bodies: dict[tuple[int, ...], bytes] = {}
        self.under_way: dict[str, int] = defaultdict(int)
        self.last_applied = 0

    # --- what the client is asked ---

    def asked(self, entry: Entry) -> None:
        """Note that a call has started."""
        self.entries[entry.number] = entry
        if self.stopped.get(entry.path, float("inf")) <= entry.called_at:
            del self.stopped[entry.path]
            self.trials.add(entry.path)
        if entry.path in self.stopped:
            entry.final = Outcome.REJECTED
        elif entry.key is not None and self._is_known(entry.key):
            entry.final = Outcome.DUPLICATE
        elif entry.key is not None:
            self.known[entry.key] = entry

    def admitted(self, entry: Entry, receipt: Receipt, now: float) -> None:
        """Note that a call returned a receipt."""
        entry.receipt = receipt
        entry.admitted_at = now
        entry.due_by = now + self.settings.linger_seconds if not entry.tries else entry.due_by
        entry.may_expire_at = now - self.settings.linger_seconds + self.settings.delivery_deadline_seconds
        if entry.final is None and receipt.outcome is Outcome.DROPPED:
            entry.final = Outcome.DROPPED  # the machine looks whether that was right

    def withdrawn(self, entry: Entry) -> None:
        """Note that a call ended without a receipt: its record must not be delivered."""
        del self.entries[entry.number]
        if entry.key is not None and self.known.get(entry.key) is entry:
            del self.known[entry.key]

    def _is_known(self, key: str) -> bool:
        first = self.known.get(key)
        if first is None:
            return False
        outcome = first.receipt.outcome if first.receipt else None
        return outcome is None or outcome.is_delivered

    def flushed(self, now: float) -> None:
        """Note a flush: no record lingers any longer."""
        for entry in self.entries.values():
            entry.due_by = min(entry.due_by, now) if not entry.tries else entry.due_by

    # --- what the server sees ---

    def sent(self, path: str, numbers: tuple[int, ...], parts: list[bytes], wire: bytes, now: float) -> None:
        """Check that the client is allowed to send these records now."""
        assert now >= self.pause[0], f"a request left {self.pause[0] - now:.2f} s before the pause was over"
        assert self.bodies.setdefault(numbers, wire) == wire, "a retry differs from the try before it"
        self.under_way[path] += 1
        if self.settings.ordered_profiles and path in {"/engage", "/groups"}:
            assert self.under_way[path] == 1, "an ordered lane sends two at once"
        assert path not in self.stopped, "a stopped lane sends"
        for number, part in zip(numbers, parts, strict=True):
            assert number in self.entries, f"record {number} is sent, and nobody made it"
            entry = self.entries[number]
            assert not entry.is_under_way, f"record {number} is in two requests at once"
            assert entry.final is None, f"record {number} is sent though it is {entry.final}"
            entry.parts.add(part)
            assert len(entry.parts) == 1, f"record {number} was sent with different bytes"
            assert not (entry.is_unsafe and entry.is_ambiguous), f"record {number} might be applied twice"
            entry.is_under_way = True
            entry.tries += 1
            entry.due_by = float("inf")

    def answered(self, path: str, numbers: tuple[int, ...], answer: str, failed: frozenset[int], now: float) -> None:
        """Note the result of a request.

        Args:
            path: Where it went.
            numbers: Its records.
            answer: What the server, or the network, did.
            failed: Indexes that a partial answer refuses.
            now: Monotonic seconds.
        """
        self.under_way[path] -= 1
        entries = [self.entries[number] for number in numbers]
        for index, entry in enumerate(entries):
            entry.is_under_way = False
            if answer in APPLIED or (answer == "partial" and index not in failed):
                self._apply(entry)
            self._answer(entry, answer, is_alone=len(entries) == 1, is_failed=index in failed, now=now)
        if answer in {"ok", "partial"}:
            self.trials.discard(path)
            self.stops[path] = 0
        if answer == "401":
            self._stop(path, now)
        if answer in {"429", "429_after"}:
            longest = max(self._longest_delay(entry, answer) for entry in entries)
            shortest = RETRY_AFTER_SECONDS if answer == "429_after" else 3.0
            self.pause = (max(self.pause[0], now + shortest), max(self.pause[1], now + longest))

    def _apply(self, entry: Entry) -> None:
        entry.applied += 1
        if self.settings.ordered_profiles and entry.path == "/engage" and entry.applied == 1:
            assert entry.number > self.last_applied, "an ordered lane delivers out of order"
            self.last_applied = entry.number

    def _answer(self, entry: Entry, answer: str, *, is_alone: bool, is_failed: bool, now: float) -> None:
        entry.mismatches += answer == "mismatch"
        match answer:
            case "ok":
                entry.final = Outcome.ACCEPTED if entry.path == "/import" else Outcome.UNVERIFIED
            case "partial":
                entry.final = Outcome.REJECTED if is_failed else Outcome.ACCEPTED
            case "401":
                entry.final = self._refused_outcome(entry)
            case "400" if is_alone:
                entry.final = self._refused_outcome(entry)
            case "400":
                entry.final = self._refused_outcome(entry) if entry.path in self.stopped else None
                entry.due_by = now
                entry.may_be_refused = True
            case "mismatch" if entry.mismatches > MAX_MISMATCHES:
                entry.final = Outcome.UNKNOWN
            case _:
                self._fail(entry, answer, now)

    def _fail(self, entry: Entry, answer: str, now: float) -> None:
        entry.has_failed = True
        entry.is_ambiguous = entry.is_ambiguous or answer in AMBIGUOUS
        if answer == "cancelled" or (entry.is_unsafe and answer in AMBIGUOUS):
            entry.final = Outcome.UNKNOWN
        elif entry.path in self.stopped:
            entry.final = self._refused_outcome(entry)
        else:
            entry.due_by = now + self._longest_delay(entry, answer)

    def _longest_delay(self, entry: Entry, answer: str) -> float:
        backoff = min(60.0, 2.0 * 2.0 ** (entry.tries - 1)) + 5.0
        return max(backoff, RETRY_AFTER_SECONDS) if answer == "429_after" else backoff

    def _stop(self, path: str, now: float) -> None:
        self.stopped[path] = now + (300.0 if self.stops[path] else 60.0)
        self.stops[path] += 1
        self.trials.discard(path)
        for entry in self.entries.values():
            if entry.path == path and entry.final is None and not entry.is_under_way and not self.has_outcome(entry):
                entry.final = self._refused_outcome(entry)

    @staticmethod
    def _refused_outcome(entry: Entry) -> Outcome:
        return Outcome.UNKNOWN if entry.is_ambiguous else Outcome.REJECTED

    @staticmethod
    def has_outcome(entry: Entry) -> bool:
        """Return whether the client has reported the outcome of a record."""
        return entry.receipt is not None and entry.receipt.outcome is not None

    # --- what must be so ---

    def permitted(self, entry: Entry, now: float, *, is_closed: bool) -> set[Outcome | None]:
        """Return the outcomes that a record may have now; None stands for no outcome yet."""
        if entry.final is not None:
            return {entry.final}
        if is_closed:
            return {entry.lost}
        permitted: set[Outcome | None] = set()
        if now <= entry.admitted_at + self.settings.delivery_deadline_seconds + SLACK_SECONDS:
            permitted.add(None)
        if now >= entry.may_expire_at or self.pause[1] >= entry.may_expire_at:
            permitted.add(entry.lost)
        if entry.may_be_refused:
            permitted.add(self._refused_outcome(entry))
        if self.settings.overflow == "drop_oldest" and not entry.tries:
            permitted.add(Outcome.DROPPED)
        return permitted

    def overdue(self, now: float) -> list[Entry]:
        """Return the records that should have been sent by now if a request slot was free."""
        if now <= self.pause[1] + SLACK_SECONDS:
            return []
        waiting = {entry.path for entry in self.entries.values() if entry.has_failed and not self.has_outcome(entry)}
        blocked = (waiting if self.settings.ordered_profiles else set()) | self.trials
        return [
            entry
            for entry in self.entries.values()
            if entry.due_by + SLACK_SECONDS < now and not self.has_outcome(entry) and entry.path not in blocked
        ]
