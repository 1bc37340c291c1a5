"""Progress on standard error: a bar on a terminal, otherwise a line every ten seconds."""

import sys
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from mixpanel_async import ImportProgress, ReconcileProgress

_LINE_SECONDS: Final = 10.0
_MEGA: Final = 1_000_000


class ImportBar:
    """Shows the progress of an import.

    Args:
        name: Name of the source.
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

    def show(self, progress: ImportProgress) -> None:
        """Show the progress."""
        if self._bar is not None:
            self._bar.update(
                self._task,
                completed=progress.read_bytes,
                total=progress.total_bytes,
                facts=describe(progress),
            )
        elif not self._is_quiet and progress.seconds >= self._next_line:
            self._next_line = progress.seconds + _LINE_SECONDS
            sys.stderr.write(f"{self._name}: {describe(progress)}\n")

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
