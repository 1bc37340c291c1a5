"""Progress on standard error: a bar on a terminal, otherwise a line every ten seconds."""

import datetime as dt
import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from mixpanel_async import ExportProgress, ImportProgress, ReconcileProgress

_LINE_SECONDS: Final = 10.0
_LONG_WAIT_SECONDS: Final = 3.0
_MEGA: Final = 1_000_000


class _Bar:
    """A bar with a line of facts on a terminal, otherwise a line now and then.

    Args:
        name: What is under way.
        is_quiet: Whether to show nothing.
    """

    def __init__(self, name: str, *, is_quiet: bool = False) -> None:
        self._name = name
        self._bar: Progress | None = None
        self._is_quiet = is_quiet
        self._next_line = _LINE_SECONDS
        if sys.stderr.isatty() and not is_quiet:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[facts]}", markup=False),
                console=Console(stderr=True),
                transient=True,
                expand=True,
            )
            self._task = self._bar.add_task(name, total=None, facts="")

    def _show(self, facts: str, done: int, total: int | None, seconds: float, *, is_news: bool = False) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, facts=facts)
        elif not self._is_quiet and (is_news or seconds >= self._next_line):
            self._next_line = seconds + _LINE_SECONDS
            sys.stderr.write(f"{self._name}: {facts}\n")

    def say(self, line: str) -> None:
        """Print a line without breaking the bar."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            sys.stderr.write(f"{line}\n")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


class ImportBar(_Bar):
    """Shows the progress of an import."""

    def show(self, progress: ImportProgress) -> None:
        """Show the progress."""
        self._show(describe(progress), progress.read_bytes, progress.total_bytes, progress.seconds)


class ExportBar(_Bar):
    """Shows the progress of an export; a long wait for a rate limit is always said."""

    _told: float | None = None  # the wait that was said last

    def show(self, progress: ExportProgress) -> None:
        """Show the progress."""
        until = progress.waits_until
        is_news = until is not None and until != self._told and until - time.time() >= _LONG_WAIT_SECONDS
        if is_news:
            self._told = until
        total = progress.total_files if progress.total_files > 1 else None
        self._show(describe_export(progress), progress.files, total, progress.seconds, is_news=is_news)


def describe(progress: ImportProgress) -> str:
    """Return the progress as one line."""
    seconds = progress.seconds or 1.0
    facts = [
        f"{progress.read:,} read",
        f"{progress.imported:,} imported",
        f"{progress.records_per_second:,.0f}/s",
        f"{(progress.read_bytes - progress.resumed_bytes) / seconds / _MEGA:.1f} MB/s",
        f"{progress.in_flight:,} in flight",
    ]
    if progress.rejected:
        facts.append(f"{progress.rejected:,} rejected")
    if progress.retries:
        facts.append(f"{progress.retries:,} retries")
    if progress.rate_limited:
        facts.append(f"rate limited {progress.rate_limited:,} times")
    if progress.seconds_left is not None and progress.seconds_left > 1:
        facts.append(f"{read_seconds(progress.seconds_left)} left")
    return ", ".join(facts)


def describe_export(progress: ExportProgress) -> str:
    """Return the progress of an export as one line."""
    facts = [f"{progress.events:,} events", f"{progress.line_bytes / _MEGA:.1f} MB"]
    if progress.events and progress.seconds:
        facts.append(f"{progress.events_per_second:,.0f}/s")
    if progress.total_files > 1:
        facts.insert(0, f"{progress.files:,} of {progress.total_files:,} days")
    if progress.waits_until is not None:
        until = dt.datetime.fromtimestamp(progress.waits_until).astimezone()
        facts.append(f"waiting until {until:%H:%M:%S} for the rate limit ({progress.waits_for})")
    return ", ".join(facts)


def read_seconds(seconds: float) -> str:
    """Return a duration as text."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class ReconcileBar:
    """Shows the progress of a comparison.

    Args:
        name: Name of the source.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._status = Console(stderr=True).status("") if sys.stderr.isatty() else None
        self._next_line = _LINE_SECONDS

    def show(self, progress: ReconcileProgress) -> None:
        """Show the progress."""
        line = (
            f"{self._name}: {progress.stage}, {progress.source_events:,} events of the source, "
            f"{progress.export_events:,} exported, {read_seconds(progress.seconds)}"
        )
        if self._status is not None:
            self._status.update(escape(line))
        elif progress.seconds >= self._next_line:
            self._next_line = progress.seconds + _LINE_SECONDS
            sys.stderr.write(f"{line}\n")

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
