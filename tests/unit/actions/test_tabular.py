import datetime as dt
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]
import pytest

from mixpanel_async.actions._core.tabular import Table, TableRow, keep_question
from mixpanel_async.actions.query.funnel_report import FunnelReport
from mixpanel_async.actions.query.insights_report import InsightsReport
from mixpanel_async.actions.query.lists import TopEvent, TopEvents, TopProperties
from mixpanel_async.actions.query.models import (
    DailyValues,
    Frequency,
    Retention,
    Segmentation,
    SegmentationData,
)
from mixpanel_async.errors import MissingExtraError, UnexpectedReplyError
from mixpanel_async.json_types import JSONValue

AnyTable: TypeAlias = Table[Any]
STEP = {"count": 10, "event": "A", "step_conv_ratio": 1, "overall_conv_ratio": 1.0}
STEP_ROW = (10, None, 1.0, 1.0, None, None, "A", None, None, None)
DATED = {"counts": [5, 2], "first": 6}

FIRST, SECOND = dt.date(2026, 8, 1), dt.date(2026, 8, 2)
RESULTS: dict[str, tuple[AnyTable, tuple[str, ...], list[TableRow]]] = {
    "segmentation": (
        Segmentation(
            SegmentationData(
                series=["2026-08-02", "2026-08-01"], values={"a": {"2026-08-02": 2, "2026-08-01": 1.5}}
            )
        ),
        ("segment", "date", "value"),
        [("a", FIRST, 1.5), ("a", SECOND, 2)],
    ),
    "sum": (DailyValues({"2026-08-02": 2, "2026-08-01": None}), ("date", "value"),
            [(FIRST, None), (SECOND, 2)]),
    "insights": (
        InsightsReport(headers=["$event"], series={"a": {"2026-08-01": 1}, "b": {"2026-08-01": 2}}),
        ("$event", "date", "value"),
        [("a", FIRST, 1), ("b", FIRST, 2)],
    ),
    "insights with a total above a breakdown": (
        InsightsReport(headers=["$event", "plan"],
                       series={"a": {"$overall": {"2026-08-01": 3}, "pro": {"2026-08-01": 1}}, "b": {"2026-08-01": 9}}),
        ("$event", "plan", "date", "value"),
        [("a", "$overall", FIRST, 3), ("a", "pro", FIRST, 1), ("b", None, FIRST, 9)],
    ),
    "insights with more levels than headers": (
        InsightsReport(headers=["$event"], series={"a": {"x": {"2026-08-01": 3}}}),
        ("$event", "label_2", "date", "value"),
        [("a", "x", FIRST, 3)],
    ),
    "insights without series": (InsightsReport(headers=["$event"], series={}), ("$event", "date", "value"), []),
    "funnel": (
        FunnelReport(data={"2026-08-01": {"steps": [STEP], "analysis": {"steps": 1}}}),
        ("date", "segment", "step", "count", "goal", "step_conv_ratio", "overall_conv_ratio", "avg_time",
         "avg_time_from_start", "event", "step_label", "custom_event", "custom_event_id"),
        [(FIRST, None, 1, *STEP_ROW)],
    ),
    "funnel by segment": (
        FunnelReport(data={"2026-08-01": {"$overall": [STEP], "pro": [STEP, STEP]}}),
        FunnelReport(data={}).columns,
        [(FIRST, "$overall", 1, *STEP_ROW), (FIRST, "pro", 1, *STEP_ROW), (FIRST, "pro", 2, *STEP_ROW)],
    ),
    "retention": (
        Retention({"2026-08-01": DATED}), ("date", "segment", "interval", "count", "first"),
        [(FIRST, None, 0, 5, 6), (FIRST, None, 1, 2, 6)],
    ),
    "retention by segment": (
        Retention({"2026-08-01": {"pro": DATED, "first": 3}}), ("date", "segment", "interval", "count", "first"),
        [(FIRST, "pro", 0, 5, 6), (FIRST, "pro", 1, 2, 6)],
    ),
    "frequency": (Frequency({"2026-08-01": [5, 2]}), ("date", "segment", "times", "users"),
                  [(FIRST, None, 1, 5), (FIRST, None, 2, 2)]),
    "frequency by segment": (Frequency({"2026-08-01": {"pro": [5]}}), ("date", "segment", "times", "users"),
                             [(FIRST, "pro", 1, 5)]),
    "top events": (TopEvents([TopEvent("a", 2, 0.5)]), ("event", "amount", "percent_change"), [("a", 2, 0.5)]),
    "top properties": (TopProperties({"p": 2}), ("property", "count"), [("p", 2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_rows_and_frames_are_the_same_table(name: str) -> None:
    """Rows are tuples in the order of the columns; Arrow, pandas and polars hold the same values."""
    result, columns, rows = RESULTS[name]
    assert result.columns == columns
    assert result.rows() == rows
    table = result.to_arrow()
    assert isinstance(table, pa.Table)
    assert tuple(table.column_names) == columns
    assert [tuple(row.values()) for row in table.to_pylist()] == rows
    assert result.to_polars().columns == list(columns)
    assert result.to_polars().rows() == rows
    frame = result.to_pandas()
    assert tuple(frame.columns) == columns
    assert len(frame) == len(rows)


def test_json_rows_keep_the_text_of_dates() -> None:
    """The rows for JSON and CSV hold dates as Mixpanel wrote them, also those that are no dates."""
    assert DailyValues({"2026-08-01 10:00:00": 1}).json_rows() == [("2026-08-01 10:00:00", 1)]
    assert DailyValues({"soon": 1}).json_rows() == [("soon", 1)]


EMPTY: dict[str, tuple[AnyTable, AnyTable]] = {
    "segmentation": (
        Segmentation(SegmentationData(values={})), Segmentation(SegmentationData(values={"a": {"2026-08-01": 1}}))
    ),
    "segmentation by hour": (
        keep_question(Segmentation(SegmentationData(values={})), unit="hour"),
        Segmentation(SegmentationData(series=["2026-08-01 10:00:00"], values={"a": {"2026-08-01 10:00:00": 1}})),
    ),
    "sum": (DailyValues({}), DailyValues({"2026-08-01": 1})),
    "sum by hour": (keep_question(DailyValues({}), unit="hour"), DailyValues({"2026-08-01 10:00:00": 1.5})),
    "insights": (
        InsightsReport(headers=["plan"], series={}), InsightsReport(headers=["plan"], series={"a": {"2026-08-01": 1}})
    ),
    "funnel": (
        FunnelReport(data={}),
        FunnelReport(data={"2026-08-01": {"a": [
            {"count": 1, "goal": "g", "step_conv_ratio": 1, "overall_conv_ratio": 1, "avg_time": 1,
             "avg_time_from_start": 2, "event": "e", "step_label": "l", "custom_event": False, "custom_event_id": 1}
        ]}}),
    ),
    "retention": (Retention({}), Retention({"2026-08-01": {"a": DATED}})),
    "frequency": (Frequency({}), Frequency({"2026-08-01": {"a": [1]}})),
    "top events": (TopEvents([]), TopEvents([TopEvent("a", 2, 1)])),
    "top properties": (TopProperties({}), TopProperties({"p": 2})),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_table_has_the_types_of_a_full_one(name: str) -> None:
    """A quiet day can be appended to the others: Arrow, pandas and polars have the same schema without rows."""
    empty, full = EMPTY[name]
    assert empty.rows() == []
    assert empty.to_arrow().schema == full.to_arrow().schema
    assert not any(pa.types.is_null(field.type) for field in full.to_arrow().schema)
    assert empty.to_polars().schema == full.to_polars().schema
    assert [*empty.to_pandas().dtypes] == [*full.to_pandas().dtypes]


def test_dates_are_dates_in_every_form() -> None:
    """Days are dates; times are timestamps; pandas has one time axis for both."""
    day = DailyValues({"2026-08-01": 1})
    assert str(day.to_arrow().schema.field("date").type) == "date32[day]"
    assert str(day.to_polars().schema["date"]) == "Date"
    assert day.to_pandas().dtypes["date"].kind == "M"
    hour = DailyValues({"2026-08-01 10:00:00": 1})
    assert hour.rows() == [(dt.datetime(2026, 8, 1, 10), 1)]  # noqa: DTZ001 - in the project's time zone
    assert str(hour.to_arrow().schema.field("date").type) == "timestamp[us]"
    assert hour.to_pandas().dtypes["date"].kind == "M"


def test_insights_read_days_times_and_totals() -> None:
    """Midnights of the project's zone are days, other times keep their offset, and a report without dates its text."""
    days = InsightsReport(series={"a": {"2026-03-08T00:00:00-08:00": 1, "2026-03-09T00:00:00-07:00": 2}})
    assert [row[1] for row in days.rows()] == [dt.date(2026, 3, 8), dt.date(2026, 3, 9)]
    hours = InsightsReport(series={"a": {"2026-03-08T01:00:00-08:00": 1}})
    assert str(hours.to_arrow().schema.field("date").type) == "timestamp[us, tz=UTC]"
    assert hours.to_polars().rows() == [("a", dt.datetime(2026, 3, 8, 9, tzinfo=dt.UTC), 1)]
    assert InsightsReport(series={"a": {"all": 5}}).rows() == [("a", "all", 5)]
    assert InsightsReport(headers=["$metric"], series={"a": 5}).rows() == [("a", None, 5)]


@pytest.mark.parametrize("headers", [["value"], ["date", "value"], ["plan", "plan"], ["date", "date_2", "date"]])
def test_no_label_is_lost_in_any_form(headers: list[str]) -> None:
    """Labels that are called like each other, or like a column of ours, are all there; ours keep their names."""
    series: object = {"2026-08-01": 1}
    for number in reversed(range(len(headers))):
        series = {f"label {number}": series}
    assert isinstance(series, dict)
    report = InsightsReport(headers=headers, series=series)
    width = len(headers) + 2
    assert len(set(report.columns)) == width
    assert report.columns[-2:] == ("date", "value")
    assert report.to_arrow().num_columns == report.to_polars().width == len(report.to_pandas().columns) == width


def test_a_segment_can_have_the_name_of_a_key() -> None:
    """With `on`, "steps" and "counts" are segments like others; what was asked decides."""
    funnel = FunnelReport(data={"2026-08-01": {"steps": [STEP], "pro": [STEP]}})
    assert [row.segment for row in funnel.rows()] == ["steps", "pro"]
    alone = FunnelReport(data={"2026-08-01": {"steps": [STEP]}})
    assert [row.segment for row in alone.rows()] == [None]
    assert [row.segment for row in keep_question(alone, on='properties["x"]').rows()] == ["steps"]
    retention = Retention({"2026-08-01": {"counts": DATED, "first": DATED}})
    assert {row.segment for row in retention.rows()} == {"counts", "first"}


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        (FunnelReport(data={"2026-08-01": {"pro": [STEP, {"count": "many"}]}}), "step 2 of 2026-08-01, segment 'pro'"),
        (FunnelReport(data={"soon": {"steps": [STEP]}}), "'soon'"),
        (Retention({"2026-08-01": {"counts": ["x"]}}), "2026-08-01"),
        (Frequency({"2026-08-01": {"pro": [{}]}}), "pro"),
        (Segmentation(SegmentationData(values={"a": {"2026-02-30": 1}})), "'2026-02-30'"),
        (DailyValues({"": 1}), "''"),
    ],
)
def test_rows_that_cannot_be_read_say_where(broken: AnyTable, place: str) -> None:
    """A part with another type, or a date that is none, is an error of the reply that names the place."""
    with pytest.raises(UnexpectedReplyError, match=place):
        broken.rows()


@pytest.mark.parametrize("wrong", ["soon", 7, None, True, {"error": "boo"}])
def test_a_bucket_of_another_type_is_not_an_empty_one(wrong: JSONValue) -> None:
    """Where the reply has something else in place of a list of numbers or steps, no rows are left out in silence."""
    tables: list[AnyTable] = [
        FunnelReport(data={"2026-08-01": {"steps": wrong, "analysis": {}}}),
        FunnelReport(data={"2026-08-01": {"pro": wrong}}),
        Retention({"2026-08-01": {"counts": wrong, "first": 3}}),
        Retention({"2026-08-01": {"pro": wrong}}),
        Frequency({"2026-08-01": {"pro": wrong}}),
    ]
    if not isinstance(wrong, dict):
        tables.append(Frequency({"2026-08-01": wrong}))
    for table in tables:
        with pytest.raises(UnexpectedReplyError):
            table.rows()
        with pytest.raises(UnexpectedReplyError):
            table.json_rows()


def test_numbers_keep_every_digit() -> None:
    """A whole number too large for a float is no float, and one too large for 64 bits is text."""
    large = 2**53 + 1
    assert DailyValues({"2026-08-01": large}).to_arrow().column("value").to_pylist() == [large]
    assert DailyValues({"2026-08-01": 2**70}).to_polars()["value"].to_list() == [str(2**70)]
    mixed = InsightsReport(series={"a": {"2026-08-01": 1, "2026-08-02": [1], "2026-08-03": "x"}})
    assert mixed.to_arrow().column("value").to_pylist() == ["1", "[1]", "x"]


@pytest.mark.parametrize(
    ("library", "convert", "extra"),
    [
        ("pyarrow", Table.to_arrow, "arrow"),
        ("pandas", Table.to_pandas, "pandas"),
        ("polars", Table.to_polars, "polars"),
    ],
)
def test_a_missing_library_names_its_command(
    monkeypatch: pytest.MonkeyPatch, library: str, convert: Callable[[AnyTable], object], extra: str
) -> None:
    """If a library is missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=f'pip install "mixpanel-async\\[{extra}\\]"'):
        convert(DailyValues({"2026-08-01": 1}))
