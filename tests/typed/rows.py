# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""What users do with rows; mypy checks this file with all others, a test runs pyright on it."""

import datetime as dt

from mixpanel_async.actions.query.funnel_report import FunnelReport
from mixpanel_async.actions.query.insights_report import InsightsReport
from mixpanel_async.actions.query.lists import TopEvents, TopProperties
from mixpanel_async.actions.query.models import DailyValues, Frequency, Retention, Segmentation


def total(report: Segmentation) -> float:
    """Return a sum, with names and by position."""
    found = 0.0
    for segment, date, value in report.rows():
        found += value
        print(segment.upper(), date.year, date + dt.timedelta(days=1))
    return found + sum(row.value for row in report.rows())


def mean(report: DailyValues) -> float:
    """Return a mean of the buckets that have a value."""
    values = [value for _, value in report.rows() if value is not None]
    return sum(values) / len(values)


def shares(report: Retention) -> list[float]:
    """Return the share of each cohort that came back."""
    return [row.count / row.first for row in report.rows() if row.first]


def users(report: Frequency) -> dict[str, float]:
    """Return the users by segment."""
    return {row.segment: row.users + 0.5 for row in report.rows() if row.segment is not None}


def slow_steps(report: FunnelReport) -> list[tuple[int, str]]:
    """Return the steps that take long."""
    return [(row.step, row.event or "") for row in report.rows() if (row.avg_time or 0) / 60 > 1]


def insights(report: InsightsReport) -> float:
    """Return a sum; the value is a number in most reports."""
    found = 0.0
    for *labels, date, value in report.rows():
        if isinstance(date, dt.date):
            found += value
            print(", ".join(label or "" for label in labels), date.isoformat())
    return found


def lists(events: TopEvents, properties: TopProperties) -> float:
    """Return a sum of both."""
    amounts = sum(row.amount for row in events.rows() if row.amount is not None)
    return amounts + sum(count for _, count in properties.rows())
