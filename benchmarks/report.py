"""Results as JSON, as a table, and as a plot."""

import json
import math
import os
import platform
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import msgspec

from benchmarks.measure import ROOT, Figure

RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = ("mixpanel-async", "aiohttp", "orjson", "msgspec", "anyio", "isal", "uvloop")


def processor() -> str:
    """Return the name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the measured packages."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def write_json(name: str, figures: Sequence[Figure]) -> Path:
    """Write results to benchmarks/results/ and return the path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "versions": versions(),
        "figures": [msgspec.to_builtins(figure) for figure in figures],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def table(figures: Sequence[Figure]) -> str:
    """Return results as a Markdown table."""
    lines = ["| row | against | goal | min | median | max | |", "|---|---|---|---|---|---|---|"]
    for figure in figures:
        low, median, high = figure.spread
        mark = "met" if figure.is_met else "**missed**"
        cells = (figure.row, figure.against, figure.goal, f"{low:.4g}", f"{median:.4g}", f"{high:.4g}", mark)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(series: dict[str, dict[str, float]], path: Path) -> None:
    """Plot the cost per event by count, connections and size: three log-log panels in one SVG."""
    width, height, gap = 240, 180, 50
    box = f"0 0 {3 * (width + gap) + gap} {height + 90}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    titles = {"by_count": "events in the file", "by_connections": "connections", "by_size": "bytes per event"}
    for index, (name, values) in enumerate(series.items()):
        left, top = gap + index * (width + gap), 30
        xs = [math.log10(float(x)) for x in values]
        ys = [math.log10(y) for y in values.values()]
        low_y, high_y = math.floor(min(ys)), math.ceil(max(ys) + 1e-9)
        span_x, span_y = (max(xs) - min(xs)) or 1, (high_y - low_y) or 1
        points = [
            (left + (x - min(xs)) / span_x * width, top + height - (y - low_y) / span_y * height)
            for x, y in zip(xs, ys, strict=True)
        ]
        parts.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999"/>')
        parts.append(f'<text x="{left}" y="{top - 10}">µs of CPU per event, by {titles[name]}</text>')
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="#4f44e0" stroke-width="2"/>')
        for (x, y), (label, value) in zip(points, values.items(), strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#4f44e0"/>')
            parts.append(f'<text x="{x:.1f}" y="{y - 7:.1f}" text-anchor="middle">{value:.3g}</text>')
            parts.append(f'<text x="{x:.1f}" y="{top + height + 16}" text-anchor="middle">{_short(int(label))}</text>')
        for power in range(low_y, high_y + 1):
            y = top + height - (power - low_y) / span_y * height
            parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    parts.append("</svg>")
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _short(number: int) -> str:
    for unit, size in (("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number // size} {unit}"
    return str(number)
