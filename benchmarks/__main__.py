"""`python -m benchmarks [ROW ...]`: run the rows, print the table, write JSON, docs/performance.md and the plot."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report
from benchmarks.measure import ROOT, Figure, pin
from benchmarks.page import write_page
from benchmarks.rows import ROWS


def main() -> int:
    """Run the rows that the command line names (default: all)."""
    parser = argparse.ArgumentParser(description="Measure mixpanel_async against its floors.")
    parser.add_argument("rows", nargs="*", help="row numbers, for example 1 3 (default: all)")
    given = parser.parse_args()
    pin(0)
    chosen = [row for row in ROWS if not given.rows or row.__name__.split("_")[1] in given.rows]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="mixpanel_async-bench-") as scratch:
        for row in chosen:
            started = time.monotonic()
            figure = row(Path(scratch))
            figures.append(figure)
            low, median, high = figure.spread
            mark = "met" if figure.is_met else "MISSED"
            print(f"{figure.row}: {low:.3g} / {median:.3g} / {high:.3g} (goal {figure.goal}: {mark})", flush=True)
            print(f"    against {figure.against}; {time.monotonic() - started:.0f} s; {figure.detail}", flush=True)
    if not given.rows:
        path = report.write_json("bench", figures)
        print(f"written: {path.relative_to(ROOT)}, {write_page().relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
