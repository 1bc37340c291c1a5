"""Prints the report of a comparison as text or JSON."""

from typing import Final

import msgspec

from mixpanel_async import ReconcileReport
from mixpanel_async.cli.render import stdout
from mixpanel_async.jobs.model.report import ExitStatus

_MAX_DAYS: Final = 10


def print_reconcile_report(report: ReconcileReport, *, as_json: bool) -> int:
    """Print a report to standard output; return the exit status."""
    status = ExitStatus.OK if report.is_equal else ExitStatus.INCOMPLETE
    if as_json:
        fields = {**msgspec.to_builtins(report, enc_hook=str), "is_equal": report.is_equal, "exit_status": int(status)}
        fields["examples"] = report.examples  # holds raw JSON, which is written as it is
        stdout.write(msgspec.json.encode(fields, enc_hook=str) + b"\n")
    else:
        text = "".join(f"{_printable(line)}\n" for line in _lines(report))
        stdout.write(text.encode("utf-8", "backslashreplace"))
    stdout.flush()
    return status


def _lines(report: ReconcileReport) -> list[str]:
    days = report.from_date if report.from_date == report.to_date else f"{report.from_date} to {report.to_date}"
    sums = f"{report.equal:,} equal, {report.missing:,} missing, {report.different:,} different"
    source = f"{report.source_events:,} events in the source ({report.source_duplicates:,} of them duplicates)"
    lines = [
        f"{report.source}, {days}: {'equal' if report.is_equal else 'not equal'}",
        f"  {sums}, {report.unexpected:,} unexpected{' (allowed)' if report.allows_unexpected else ''}",
        f"  {source}, {report.export_events:,} in Mixpanel ({report.export_duplicates:,} duplicates)",
    ]
    others = {
        "rejected": report.rejected,
        "skipped by the mapping": report.skipped,
        "on other days or with other names": report.outside,
        "that link IDs": report.linking,
    }
    if any(others.values()):
        parts = ", ".join(f"{count:,} {words}" for words, count in others.items() if count)
        lines.append(f"  not compared in the source: {parts}")
    if report.unreadable:
        lines.append(f"  {report.unreadable:,} lines of the export are not events")
    differing = [day for day in report.days if day.missing or day.different or day.unexpected]
    lines += [
        f"  {day.day} {day.event}: {day.source:,} in the source, {day.export:,} in Mixpanel; {day.missing:,} missing, "
        f"{day.different:,} different, {day.unexpected:,} unexpected"
        for day in differing[:_MAX_DAYS]
    ]
    if len(differing) > _MAX_DAYS:
        lines.append(f"  and {len(differing) - _MAX_DAYS:,} more counts by day and event with --json")
    lines += [f"    {example}" for example in report.examples]
    again = f", exported {report.exports:,} times" if report.exports > 1 else ""
    lines.append(f"  {report.duration_seconds:,.1f} s{again}")
    return lines


def _printable(text: str) -> str:
    # Names and values of events must not contain control characters for the terminal.
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
