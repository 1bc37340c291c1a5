"""What the log says of delivery: when it begins to fail, while it lasts, when it is over, and what was lost.

Each kind of message is written at most once a minute for each endpoint: an outage is neither silent nor a flood.
"""

import logging
from collections import Counter
from typing import Final

from mixpanel_async.models import Verdict

_log = logging.getLogger("mixpanel_async")
_INTERVAL_SECONDS: Final = 60.0


class _Outage:
    """Attempts that fail, from the first one to the next success."""

    __slots__ = ("attempts", "error", "reported", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.attempts = 0
        self.error = ""
        self.reported = 0  # attempts at the last message: without new ones there is nothing new to say


class _Loss:
    """Records of one endpoint that were not delivered, since the last message about them."""

    __slots__ = ("kinds", "message")

    def __init__(self) -> None:
        self.kinds: Counter[tuple[str, str]] = Counter()
        self.message = ""


class DeliveryLog:
    """Collects failures by endpoint, and writes warnings when they are due. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._outages: dict[str, _Outage] = {}
        self._losses: dict[str, _Loss] = {}
        self._replaced: Counter[str] = Counter()  # records by endpoint, since the last message
        self._next: dict[tuple[str, str], float] = {}  # when the next message of a kind may be written

    def note_failed(self, path: str, error: str, now: float) -> None:
        """Count an attempt that failed and will be repeated."""
        outage = self._outages.setdefault(path, _Outage(now))
        outage.attempts += 1
        outage.error = error

    def note_accepted(self, path: str, now: float) -> None:
        """Note an attempt that succeeded; it ends an outage."""
        outage = self._outages.pop(path, None)
        if outage is not None and outage.reported:
            _log.warning(
                "%s: delivery works again after %.0f s and %d failed attempts",
                path,
                now - outage.since,
                outage.attempts,
            )

    def note_lost(self, path: str, verdict: Verdict, records: int) -> None:
        """Count records that were not delivered and will not be."""
        loss = self._losses.setdefault(path, _Loss())
        loss.kinds[verdict.outcome.value, verdict.reason] += records
        loss.message = f"{verdict.field}: {verdict.message}" if verdict.field else verdict.message

    def note_replaced_tokens(self, path: str, records: int) -> None:
        """Count records whose own token was replaced by the client's."""
        self._replaced[path] += records

    def write(self, now: float, queued: int) -> None:
        """Write the messages that are due.

        Args:
            now: The time.
            queued: Records that wait for delivery.
        """
        for path, outage in self._outages.items():
            if outage.attempts > outage.reported and self._is_due("outage", path, now):
                lasts = f"has been failing for {now - outage.since:.0f} s" if outage.reported else "began to fail"
                outage.reported = outage.attempts
                _log.warning(
                    "%s: delivery %s: %s (%d failed attempts, %d records queued)",
                    path, lasts, outage.error, outage.attempts, queued,
                )  # fmt: skip
        for path in list(self._losses):
            if self._is_due("loss", path, now):
                self._write_loss(path)
        for path in list(self._replaced):
            if self._is_due("token", path, now):
                self._write_replaced(path)

    def write_rest(self) -> None:
        """Write what has not been said about lost or changed records, because the client is closed."""
        for path in list(self._losses):
            self._write_loss(path)
        for path in list(self._replaced):
            self._write_replaced(path)

    def next_due(self) -> float:
        """Return the time of the next message; `inf` if there is nothing to say."""
        pending = [("outage", path) for path, outage in self._outages.items() if outage.attempts > outage.reported]
        pending += [("loss", path) for path in self._losses]
        pending += [("token", path) for path in self._replaced]
        return min((self._next.get(kind, float("-inf")) for kind in pending), default=float("inf"))

    def _is_due(self, kind: str, path: str, now: float) -> bool:
        if now < self._next.get((kind, path), float("-inf")):
            return False
        self._next[kind, path] = now + _INTERVAL_SECONDS
        return True

    def _write_loss(self, path: str) -> None:
        loss = self._losses.pop(path)
        kinds = ", ".join(f"{count} {outcome} ({reason})" for (outcome, reason), count in sorted(loss.kinds.items()))
        _log.warning("%s: %d records were not delivered: %s; last: %s", path, loss.kinds.total(), kinds, loss.message)

    def _write_replaced(self, path: str) -> None:
        _log.warning(
            "%s: %d records carried a project token of their own, which was replaced by the client's; "
            'set foreign_token to "reject" or "keep" if they belong to another one',
            path,
            self._replaced.pop(path),
        )
