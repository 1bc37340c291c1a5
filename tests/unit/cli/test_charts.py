import pytest

from mixpanel_async.actions._core.pivot import Line
from mixpanel_async.actions._core.tabular import keep_question
from mixpanel_async.actions.query.models import Segmentation, SegmentationData
from mixpanel_async.cli.render.encoders import row_encoder
from mixpanel_async.cli.render.numbers import short_number
from mixpanel_async.cli.render.report_output import csv_report_output_options
from mixpanel_async.cli.render.rows import pivoted_rows_of, rows_of
from mixpanel_async.cli.render.sparklines import encode_chart, sparkline
from mixpanel_async.cli.render.table import encode_table
from mixpanel_async.errors import InvalidArgumentError

COUNTS = Segmentation(SegmentationData(values={"a": {"2026-08-01": 1200, "2026-08-02": 30}, "b": {"2026-08-02": 5}}))


def chart(lines: list[Line], width: int = 60, encoding: str = "utf-8", *, is_additive: bool = False) -> list[str]:
    return encode_chart(lines, width, encoding, is_additive=is_additive).decode(encoding).splitlines()


def test_a_sparkline_starts_at_zero_and_shows_gaps() -> None:
    """The lowest block is 0, or the least negative value; what is missing is a space; many values share a block."""
    assert sparkline([0, 7, None, 3.5], 10) == "▁█ ▅"
    assert sparkline([5, 5], 10) == "██"
    assert sparkline([-1, 0, 1], 10) == "▁▅█"
    assert sparkline([0, 0], 10) == "▁▁"
    assert len(sparkline(range(1000), 30)) == 30
    assert sparkline([], 30) == ""


def test_a_chart_has_a_line_for_each_segment() -> None:
    """Names, blocks, least and greatest value, the total where it means something, and the period."""
    assert chart(COUNTS.lines(), is_additive=True) == [
        "a  █▁  30 to 1,200, total 1,230",
        "b   █  5 to 5, total 5",
        "   2026-08-01 to 2026-08-02",
    ]
    assert "total" not in "".join(chart(COUNTS.lines()))
    assert chart([]) == []


def test_a_chart_is_disarmed_and_fits() -> None:
    """Names cannot steer the terminal, wide characters keep their columns, and no line is wider than the terminal."""
    lines = [Line("\x1b[31m日本" * 20, [(n, 1.0) for n in range(500)], "interval"), Line("b", [(0, 2.0)], "interval")]
    found = chart(lines, 70)
    assert "\x1b" not in "".join(found)
    assert all(len(line) <= 70 for line in found)
    assert found[-1].strip() == "interval 0 to 499"


def test_names_are_bars_and_blocks_become_ascii() -> None:
    """Values by name are bars to scale; an output without blocks gets ASCII."""
    lines = [Line("", [("a", 10.0), ("b", 5.0), ("c", 0.0)], "event")]
    bars = chart(lines, 30)
    assert [line.count("█") for line in bars] == [23, 11, 0]
    assert chart(lines, 30, "ascii")[0].startswith("a  @@@")


def test_tables_of_reports_have_thousands_and_totals() -> None:
    """Counts of events have a total for each column, users have none; JSON and CSV have neither."""
    counts = keep_question(COUNTS, is_additive=True)
    assert encode_table(pivoted_rows_of(counts)).decode().splitlines() == [
        "date            a  b",
        "────────────────────",
        "2026-08-01  1,200",
        "2026-08-02     30  5",
        "────────────────────",
        "total       1,230  5",
    ]
    assert encode_table(rows_of(counts)).decode().splitlines()[-1].split() == ["total", "1,235"]
    rows = pivoted_rows_of(counts)
    assert row_encoder("csv", rows.columns).row(rows.rows[0]) == b"2026-08-01,1200,\n"
    users = keep_question(COUNTS)
    assert pivoted_rows_of(users).totals is None
    assert [short_number(n) for n in (1234567, 1 / 3, 1234567.891, 2.0)] == [
        "1,234,567",
        "0.333333",
        "1,234,567.89",
        "2",
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"pivot": True, "plot": True},
        {"pivot": True, "as_json": True},
        {"plot": True, "output": "csv"},
        {"plot": True, "format": "csv"},
    ],
)
def test_options_that_exclude_each_other_are_refused(given: dict[str, object]) -> None:
    """A chart or a pivoted table is printed in one way; the error names both options."""
    with pytest.raises(InvalidArgumentError, match=r"--\w+.* and --\w+.* exclude each other"):
        csv_report_output_options(**given)  # type: ignore[arg-type]
    assert csv_report_output_options(pivot=True, output="csv").is_pivoted
