"""Prints the report of a job as text or JSON."""

from collections.abc import Mapping

import msgspec

from mixpanel_async import ImportReport
from mixpanel_async.cli.render import stdout

_MEGA = 1_000_000
_MAX_EXAMPLES = 20


def print_report(report: ImportReport, *, as_json: bool) -> int:
    """Print a report to standard output; return the exit status.

    Raises:
        BrokenPipeError: The reader closed the pipe.
        OutputError: The report cannot be written.
    """
    if as_json:
        fields = {**msgspec.to_builtins(report), "exit_status": int(report.exit_status)}
        stdout.write(msgspec.json.encode(fields) + b"\n")
    else:
        stdout.write("".join(f"{line}\n" for line in lines_of(report)).encode("utf-8", "backslashreplace"))
    stdout.flush()
    return report.exit_status


def lines_of(report: ImportReport) -> list[str]:
    """Return the lines of a report."""
    seconds = report.duration_seconds
    rate = (report.read - report.resumed) / seconds if seconds else 0.0
    sum_of = f"{report.imported:,} imported + {report.rejected:,} rejected + {report.duplicates:,} duplicates"
    others = f"{report.skipped:,} skipped + {report.undelivered:,} undelivered"
    requests = f"{report.requests:,} requests ({report.retries:,} retries, {report.rate_limited:,} rate limited)"
    lines = [
        f"{report.source}: {report.read:,} read = {sum_of} + {others}",
        f"  {report.read_bytes / _MEGA:,.1f} MB read, {report.sent_bytes / _MEGA:,.1f} MB sent in {requests}",
        f"  {seconds:,.1f} s, {rate:,.0f} records/s",
    ]
    for what, reasons in (
        ("rejected", report.rejected_by),
        ("skipped", report.skipped_by),
        ("undelivered", report.undelivered_by),
        ("changed", report.changed_by),
        ("noticed", report.noticed_by),
    ):
        if reasons:
            lines.append(f"  {what}: {_reasons(reasons)}")
    examples = [*report.examples, *report.notices]
    lines += [f"    {example}" for example in examples[:_MAX_EXAMPLES]]
    if len(examples) > _MAX_EXAMPLES:
        lines.append(f"    and {len(examples) - _MAX_EXAMPLES} more examples with --json")
    return lines + _endings(report)


def _endings(report: ImportReport) -> list[str]:
    lines = []
    if report.resumed:
        lines.append(f"  {report.resumed:,} of these records were settled by earlier runs with this checkpoint")
    if report.is_dry_run:
        lines.append("  dry run: nothing was sent")
    if report.error:
        lines.append(f"  stopped early: {report.error}")
    if report.is_stopped:
        lines.append("  stopped before the end, as requested")
    if report.is_refused:
        lines.append("  the credentials were refused; reading stopped")
    return lines


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items(), key=lambda item: -item[1]))
