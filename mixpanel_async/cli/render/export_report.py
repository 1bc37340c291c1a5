"""Prints the report of an export of events as text."""

from collections.abc import Sequence
from typing import Final

from mixpanel_async import ExportReport
from mixpanel_async.cli.render.output import say
from mixpanel_async.cli.render.progress import read_seconds
from mixpanel_async.redaction import shown

_KILO: Final = 1_000
_MEGA: Final = 1_000_000
_MANY: Final = 3


def print_export_report(report: ExportReport, *, is_brief: bool, has_timezone: bool) -> None:
    """Print the report of an export to standard error.

    Args:
        report: The report.
        is_brief: Whether to print only what must not be missed.
        has_timezone: Whether it is known where a day ends.
    """
    if not is_brief:
        say(_summary(report))
    if report.bad_lines:
        say(f"{report.bad_lines:,} lines are not events")
    if report.unfinished:
        are = "is" if len(report.unfinished) == 1 else "are"
        where = "" if has_timezone else " in every time zone (--timezone names that of the project)"
        say(f"{_some(report.unfinished)} {are} not over{where}: export again later, or events will be missing")
    if report.cut:
        say(f"the limit may have cut {_some(report.cut)}: omit --limit for all events")


def _summary(report: ExportReport) -> str:
    facts = [f"{report.events:,} events"]
    if len(report.files) == 1:
        facts.append(f"{_size(report.written_bytes)} in {shown(report.files[0])}")
    elif report.files:
        facts.append(f"{_size(report.written_bytes)} in {len(report.files):,} files")
    if report.refetched:
        facts.append(f"{len(report.refetched):,} of them exported again")
    if report.skipped:
        facts.append(f"{len(report.skipped):,} skipped (already complete)")
    if report.waited_seconds >= 1:
        facts.append(f"{read_seconds(report.waited_seconds)} waiting for rate limits")
    return ", ".join([*facts, f"{report.duration_seconds:.1f} s"])


def _size(size: int) -> str:
    return f"{size / _MEGA:.1f} MB" if size >= _MEGA else f"{size / _KILO:.1f} kB"


def _some(days: Sequence[str]) -> str:
    rest = f" and {len(days) - _MANY} more" if len(days) > _MANY else ""
    return ", ".join(days[:_MANY]) + rest
