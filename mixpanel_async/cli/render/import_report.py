"""Prints the report of a job as text or JSON."""

from collections.abc import Mapping

import msgspec

from mixpanel_async import ImportReport
from mixpanel_async.cli.render import stdout

_MEGA = 1_000_000
_MAX_EXAMPLES = 20
_DRY_RUN = "dry_run"  # the reason in `skipped_by` of a record that is valid and was not sent


def print_report(report: ImportReport, *, as_json: bool, has_checkpoint: bool = False) -> int:
    """Print a report to standard output; return the exit status.

    Args:
        report: The report.
        as_json: Whether to print it as JSON.
        has_checkpoint: Whether the same command resumes where this run stopped.

    Raises:
        BrokenPipeError: The reader closed the pipe.
        OutputError: The report cannot be written.
    """
    if as_json:
        fields = {**msgspec.to_builtins(report), "exit_status": int(report.exit_status)}
        stdout.write(msgspec.json.encode(fields) + b"\n")
    else:
        stdout.write(
            "".join(f"{line}\n" for line in lines_of(report, has_checkpoint=has_checkpoint)).encode(
                "utf-8", "backslashreplace"
            )
        )
    stdout.flush()
    return report.exit_status


def lines_of(report: ImportReport, *, has_checkpoint: bool = False) -> list[str]:
    """Return the lines of a report; `has_checkpoint`: whether the same command resumes where this run stopped."""
    lines = _checked(report) if report.is_dry_run else _sent(report)
    skipped_by = {reason: records for reason, records in report.skipped_by.items() if reason != _DRY_RUN}
    for what, reasons in (
        ("rejected", report.rejected_by),
        ("skipped", skipped_by),
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
    return lines + _endings(report, has_checkpoint=has_checkpoint)


def _sent(report: ImportReport) -> list[str]:
    sum_of = f"{report.imported:,} imported + {report.rejected:,} rejected + {report.duplicates:,} duplicates"
    others = f"{report.skipped:,} skipped + {report.undelivered:,} undelivered"
    requests = f"{report.requests:,} requests ({report.retries:,} retries, {report.rate_limited:,} rate limited)"
    return [
        f"{report.source}: {report.read:,} read = {sum_of} + {others}",
        f"  {report.read_bytes / _MEGA:,.1f} MB read, {report.sent_bytes / _MEGA:,.1f} MB sent in {requests}",
        f"  {_speed(report)}",
    ]


def _checked(report: ImportReport) -> list[str]:
    valid = report.skipped_by.get(_DRY_RUN, 0)
    counts = [f"{report.read:,} checked", f"{valid:,} valid", f"{report.rejected:,} invalid"]
    counts += [f"{report.duplicates:,} duplicates"] if report.duplicates else []
    counts += [f"{report.skipped - valid:,} skipped"] if report.skipped > valid else []
    counts += [f"{report.undelivered:,} unknown"] if report.undelivered else []
    return [
        f"{report.source}: {', '.join(counts)}",
        f"  {report.read_bytes / _MEGA:,.1f} MB read, nothing was sent; {_speed(report)}",
    ]


def _speed(report: ImportReport) -> str:
    seconds = report.duration_seconds
    rate = (report.read - report.resumed) / seconds if seconds else 0.0
    return f"{seconds:,.1f} s, {rate:,.0f} records/s"


def _endings(report: ImportReport, *, has_checkpoint: bool) -> list[str]:
    lines = []
    if report.resumed:
        lines.append(f"  {report.resumed:,} of these records were settled by earlier runs with this checkpoint")
    if report.error:
        lines.append(f"  stopped early: {report.error}")
    if report.is_stopped:
        again = "the same command resumes from here" if has_checkpoint else "the same command starts from the beginning"
        lines.append(f"  stopped before the end, as requested; {again}")
    if report.is_refused:
        lines.append("  the credentials were refused; reading stopped")
    return lines


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items(), key=lambda item: -item[1]))
