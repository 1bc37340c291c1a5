import datetime as dt
import sys

import matplotlib as mpl
import pytest

from mixpanel_async.actions._core.html_table import html_table
from mixpanel_async.actions._core.pivot import unique_names
from mixpanel_async.actions.query.funnel_report import FunnelReport
from mixpanel_async.actions.query.insights_report import InsightsReport
from mixpanel_async.actions.query.lists import TopEvent, TopEvents
from mixpanel_async.actions.query.models import DailyValues, Frequency, Retention, Segmentation, SegmentationData
from mixpanel_async.errors import MissingExtraError

FIRST, SECOND = dt.date(2026, 8, 1), dt.date(2026, 8, 2)
TWO = Segmentation(
    SegmentationData(values={"date": {"2026-08-02": 5}, "<b>$1$": {"2026-08-01": 1, "2026-08-02": 2000}})
)
COHORTS = Retention({"2026-08-01": {"counts": [5, 2], "first": 6}, "2026-08-02": {"counts": [4], "first": 6}})


@pytest.fixture(autouse=True)
def without_a_screen() -> None:
    mpl.use("Agg")


def test_a_report_has_a_length_and_is_iterated_by_rows() -> None:
    """`len()` and `for` go by rows, and the representation is one short line."""
    assert len(TWO) == 3
    assert list(TWO) == TWO.rows()
    assert repr(TWO) == "<Segmentation 3 rows: segment, date, value>"
    broken = FunnelReport(data={"2026-08-01": {"a": [{"count": "many"}]}})
    assert "cannot be read" in repr(broken)


def test_pivot_has_a_row_for_each_date_and_a_column_for_each_segment() -> None:
    """Dates are in order, a missing value is None, and a segment that is called like a column gets a number."""
    table = TWO.pivot()
    assert table.columns == ("date", "date_2", "<b>$1$")
    assert table.rows() == [(FIRST, None, 1), (SECOND, 5, 2000)]
    assert table.json_rows() == [("2026-08-01", None, 1), ("2026-08-02", 5, 2000)]
    assert [str(field.type) for field in table.to_arrow().schema] == ["date32[day]", "int64", "int64"]
    assert table.to_pandas().set_index("date")["<b>$1$"].resample("MS").sum().to_list() == [2001]
    assert table.pivot() is table


def test_pivot_of_the_other_reports() -> None:
    """Intervals, times and steps become columns; labels of several levels are joined; a list stays as it is."""
    assert COHORTS.pivot().columns == ("date", "segment", "first", "0", "1")
    assert COHORTS.pivot().rows() == [(FIRST, None, 6, 5, 2), (SECOND, None, 6, 4, None)]
    assert Frequency({"2026-08-01": {"pro": [3, 1]}}).pivot().rows() == [(FIRST, "pro", 3, 1)]
    steps = FunnelReport(data={"2026-08-01": {"steps": [{"count": 3, "event": "A"}, {"count": 1, "event": "B"}]}})
    assert steps.pivot().columns == ("date", "segment", "1 / A", "2 / B")
    insights = InsightsReport(headers=["a", "b"], series={"x": {"y": {"2026-08-01": 1}, "z": {"2026-08-01": 2}}})
    assert insights.pivot().columns == ("date", "x / y", "x / z")
    assert DailyValues({"2026-08-01": 1}).pivot().rows() == [(FIRST, 1)]
    assert TopEvents([TopEvent("a", 2, 0.5)]).pivot().columns == ("event", "amount", "percent_change")
    assert len(Segmentation(SegmentationData(values={})).pivot()) == 0


def test_labels_that_read_the_same_stay_apart() -> None:
    """Columns whose joined labels are equal get numbers, and no number takes the name of another label."""
    series: dict[str, object] = {"x": {"y / z": {"2026-08-01": 1}}, "x / y": {"z": {"2026-08-01": 2}}}
    table = InsightsReport(headers=["a", "b"], series=series).pivot()
    assert table.columns == ("date", "x / y / z", "x / y / z_2")
    assert table.rows() == [(FIRST, 1, 2)]
    assert unique_names(["a", "a", "a_2", "date"], ["date"]) == ["a", "a_3", "a_2", "date_2"]


def test_html_escapes_names_and_says_what_it_leaves_out() -> None:
    """In a notebook, a report is a table in which no name is markup; a large one is cut, and says so."""
    shown = TWO._repr_html_()
    assert "<b>" not in shown
    assert "&lt;b&gt;$1$" in shown
    assert "2,000" in shown
    assert "<script" not in html_table("t", ["<script>"], [["<script>"]])
    large = html_table("t", [f"c{n}" for n in range(50)], [list(range(50))] * 500)
    assert "500 rows" in large
    assert "the first 60 and 20 are shown" in large
    assert large.count("<tr>") == 61


def test_plot_draws_a_line_for_each_segment() -> None:
    """`plot()` returns the axes; names with signs of formulas are shown as they are."""
    axes = TWO.plot()
    assert [line.get_label() for line in axes.get_lines()] == ["date", r"<b>\$1\$"]
    assert TWO.plot(axes) is axes
    axes.figure.canvas.draw()
    assert [len(line.get_xdata()) for line in COHORTS.plot().get_lines()] == [2, 1]  # type: ignore[arg-type]
    assert len(TWO.pivot().plot().get_lines()) == 2


def test_plot_draws_bars_where_there_is_no_time() -> None:
    """Top events, and Insights reports without dates, are bars, one for each name."""
    assert len(TopEvents([TopEvent("a", 2), TopEvent("b", 4)]).plot().patches) == 2
    assert len(InsightsReport(series={"a": {"all": 5}, "b": {"all": 6}}).plot().patches) == 2
    assert len(DailyValues({}).plot().patches) == 0


def test_plot_without_matplotlib_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """If matplotlib is missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match='pip install "mixpanel-async\\[plot\\]"'):
        TWO.plot()
