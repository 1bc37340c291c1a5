import sys
from collections.abc import Callable
from types import ModuleType

import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]
import pytest

from mixpanel_async.actions._core.tabular import Table, TableRow
from mixpanel_async.actions.query.lists import TopEvent, TopEvents, TopProperties
from mixpanel_async.actions.query.models import (
    DailyValues,
    Frequency,
    FunnelReport,
    InsightsReport,
    Retention,
    Segmentation,
    SegmentationData,
)
from mixpanel_async.errors import MissingExtraError

STEP = {"count": 10, "event": "A", "step_conv_ratio": 1, "overall_conv_ratio": 1.0}
STEP_ROW = (10, None, 1.0, 1.0, None, None, "A", None, None, None)
DATED = {"counts": [5, 2], "first": 6}

RESULTS: dict[str, tuple[Table, tuple[str, ...], list[TableRow]]] = {
    "segmentation": (
        Segmentation(
            SegmentationData(
                series=["2026-08-02", "2026-08-01"], values={"a": {"2026-08-02": 2, "2026-08-01": 1.5}}
            )
        ),
        ("segment", "date", "value"),
        [("a", "2026-08-01", 1.5), ("a", "2026-08-02", 2)],
    ),
    "sum": (DailyValues({"2026-08-02": 2, "2026-08-01": None}), ("date", "value"),
            [("2026-08-01", None), ("2026-08-02", 2)]),
    "insights": (
        InsightsReport(headers=["$event"], series={"a": {"2026-08-01": 1}, "b": {"2026-08-01": 2}}),
        ("$event", "date", "value"),
        [("a", "2026-08-01", 1), ("b", "2026-08-01", 2)],
    ),
    "insights with a total above a breakdown": (
        InsightsReport(headers=["$event", "plan"],
                       series={"a": {"$overall": {"d": 3}, "pro": {"d": 1}}, "b": {"d": 9}}),
        ("$event", "plan", "date", "value"),
        [("a", "$overall", "d", 3), ("a", "pro", "d", 1), ("b", None, "d", 9)],
    ),
    "insights with more levels than headers": (
        InsightsReport(headers=["$event"], series={"a": {"x": {"d": 3}}}),
        ("$event", "label_2", "date", "value"),
        [("a", "x", "d", 3)],
    ),
    "insights without series": (InsightsReport(headers=["$event"], series={}), ("date", "value"), []),
    "funnel": (
        FunnelReport(data={"2026-08-01": {"steps": [STEP], "analysis": {"steps": 1}}}),
        ("date", "segment", "step", "count", "goal", "step_conv_ratio", "overall_conv_ratio", "avg_time",
         "avg_time_from_start", "event", "step_label", "custom_event", "custom_event_id"),
        [("2026-08-01", None, 1, *STEP_ROW)],
    ),
    "funnel by segment": (
        FunnelReport(data={"d": {"$overall": [STEP], "pro": [STEP, STEP]}}),
        FunnelReport(data={}).columns,
        [("d", "$overall", 1, *STEP_ROW), ("d", "pro", 1, *STEP_ROW), ("d", "pro", 2, *STEP_ROW)],
    ),
    "retention": (
        Retention({"d": DATED}), ("date", "segment", "interval", "count", "first"),
        [("d", None, 0, 5, 6), ("d", None, 1, 2, 6)],
    ),
    "retention by segment": (
        Retention({"d": {"pro": DATED, "first": 3}}), ("date", "segment", "interval", "count", "first"),
        [("d", "pro", 0, 5, 6), ("d", "pro", 1, 2, 6)],
    ),
    "frequency": (Frequency({"d": [5, 2]}), ("date", "segment", "times", "users"),
                  [("d", None, 1, 5), ("d", None, 2, 2)]),
    "frequency by segment": (Frequency({"d": {"pro": [5]}}), ("date", "segment", "times", "users"),
                             [("d", "pro", 1, 5)]),
    "top events": (TopEvents([TopEvent("a", 2, 0.5)]), ("event", "amount", "percent_change"), [("a", 2, 0.5)]),
    "top properties": (TopProperties({"p": 2}), ("property", "count"), [("p", 2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_rows_and_arrow_are_the_same_table(name: str) -> None:
    """Rows are plain tuples in the order of the columns, and its Arrow table holds the same values."""
    result, columns, rows = RESULTS[name]
    assert result.columns == columns
    assert result.rows() == rows
    table = result.to_arrow()
    assert isinstance(table, pa.Table)
    assert tuple(table.column_names) == columns
    assert [tuple(row[column] for column in columns) for row in table.to_pylist()] == rows


class Frames(ModuleType):
    """Stands in for pandas and polars, which are not needed to run the tests."""

    def __init__(self) -> None:
        super().__init__("frames")
        self.made: list[tuple[object, dict[str, object]]] = []

    def DataFrame(self, rows: object, **options: object) -> str:  # noqa: N802 - the libraries' own name
        self.made.append((rows, options))
        return "frame"


@pytest.mark.parametrize(
    ("library", "to_frame", "options"),
    [
        ("pandas", Table.to_pandas, {"columns": ["date", "value"]}),
        ("polars", Table.to_polars, {"schema": ["date", "value"], "orient": "row"}),
    ],
)
def test_frames_are_made_of_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, library: str, to_frame: Callable[[Table], object], options: dict[str, object]
) -> None:
    """Pandas and polars get rows and columns; each is imported only when it is used."""
    frames = Frames()
    monkeypatch.setitem(sys.modules, library, frames)
    assert to_frame(DailyValues({"d": 1})) == "frame"
    assert frames.made == [([("d", 1)], options)]


@pytest.mark.parametrize(
    ("library", "to_frame", "command"),
    [
        ("pyarrow", Table.to_arrow, 'pip install "mixpanel-async\\[arrow\\]"'),
        ("pandas", Table.to_pandas, "pip install pandas"),
        ("polars", Table.to_polars, "pip install polars"),
    ],
)
def test_a_missing_library_names_its_command(
    monkeypatch: pytest.MonkeyPatch, library: str, to_frame: Callable[[Table], object], command: str
) -> None:
    """If a library is missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=command):
        to_frame(DailyValues({"d": 1}))
