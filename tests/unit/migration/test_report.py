"""The books of a migration."""

from typing import Any

from mixpanel_async.jobs.model.report import ImportReport
from mixpanel_async.migration.report import PartReport


def report(**counts: Any) -> ImportReport:  # noqa: ANN401 - counts and mappings of counts
    zero = dict.fromkeys(("read", "imported", "rejected", "duplicates", "skipped", "undelivered"), 0)
    by: dict[str, dict[str, int]] = {name: {} for name in ("rejected_by", "skipped_by", "undelivered_by")}
    more = {"read_bytes": 0, "sent_bytes": 0, "requests": 0, "retries": 0, "rate_limited": 0, "duration_seconds": 0.0}
    return ImportReport(**{"source": "s", **zero, **by, **more, "examples": [], **counts})


def test_a_part_that_picks_events() -> None:
    """Events of other names are in the books of another part, and in these neither read nor skipped."""
    one = report(read=10, imported=2, skipped=8, skipped_by={"event": 7, "transform": 1})
    two = report(read=5, imported=1, rejected=1, skipped=3, skipped_by={"event": 3})
    part = PartReport.of_imports("identity events", [one, two], is_selection=True)
    assert (part.read, part.written, part.skipped, part.rejected) == (5, 3, 1, 1)
    assert not part.is_complete


def test_a_part_that_takes_all() -> None:
    """What is left out on purpose is read and skipped; what is not delivered makes the part incomplete."""
    part = PartReport.of_imports("events", [report(read=4, imported=2, skipped=1, undelivered=1)])
    assert (part.read, part.written, part.skipped, part.undelivered) == (4, 2, 1, 1)
    assert not part.is_complete
    assert PartReport.of_imports("events", [report(read=3, imported=2, skipped=1)]).is_complete
