"""Progress and result of an export of events to files."""

from collections.abc import Sequence

import msgspec


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of an export of events.

    Attributes:
        events: Number of events written.
        line_bytes: Size of their lines, as Mixpanel sent them.
        written_bytes: Size of the files that were written.
        files: Files that were written, in the order of the days.
        skipped: Files of a directory that an earlier run had completed.
        refetched: Files among `files` that replaced an earlier export of the same day.
        unfinished: Days among those exported that were not over: export them again later.
        cut: Days, or ranges of days, that have as many events as `limit`, so that there may be more.
        bad_lines: Number of lines that are not events; they were kept or passed to a function.
        waited_seconds: Time that was spent waiting for rate limits.
        duration_seconds: Duration of the export.
    """

    events: int
    line_bytes: int
    written_bytes: int
    files: Sequence[str]
    skipped: Sequence[str] = ()
    refetched: Sequence[str] = ()
    unfinished: Sequence[str] = ()
    cut: Sequence[str] = ()
    bad_lines: int = 0
    waited_seconds: float = 0.0
    duration_seconds: float


class ExportProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of an export of events.

    Attributes:
        events: Events that arrived; those of an attempt that failed do not count.
        line_bytes: Size of their lines.
        files: Files that are complete.
        total_files: Files to write.
        skipped: Files that an earlier run had completed.
        seconds: Seconds since the start.
        waits_for: The rate limit that the export waits for, such as `60 requests per hour`; "" if it does not wait.
        waits_until: Unix time in seconds until which it waits, or None.
    """

    events: int
    line_bytes: int
    files: int
    total_files: int
    skipped: int
    seconds: float
    waits_for: str = ""
    waits_until: float | None = None

    @property
    def events_per_second(self) -> float:
        """Average number of events that arrive per second."""
        return self.events / self.seconds if self.seconds else 0.0
