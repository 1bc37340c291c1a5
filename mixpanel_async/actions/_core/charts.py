"""Draws reports with matplotlib."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mixpanel_async.actions._core.frames import library
from mixpanel_async.actions._core.pivot import Layout, Line, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_LEGEND: Final = 20
_MAX_MARKERS: Final = 100


def draw(lines: Sequence[Line], layout: Layout, axes: "Axes | None" = None) -> "Axes":
    """Draw lines over time or steps, or bars for names.

    Args:
        lines: What to draw.
        layout: Says what the axes are.
        axes: Where to draw; None: a new figure.

    Raises:
        MissingExtraError: The extra `plot` is not installed.
    """
    plots = library("matplotlib.pyplot", "plot()")
    found: Axes = plots.subplots()[1] if axes is None else axes
    if any(isinstance(x, str) or x is None for line in lines for x, _ in line.points):
        _draw_bars(found, lines, layout)
    else:
        _draw_lines(found, lines, layout)
    return found


def _draw_bars(axes: "Axes", lines: Sequence[Line], layout: Layout) -> None:
    bars = [(title((line.name or None, x)), y) for line in lines for x, y in line.points]
    places = range(len(bars))
    axes.barh(places, [y for _, y in bars])
    axes.set_yticks(places, [_plain(name) for name, _ in bars])
    axes.invert_yaxis()  # the first one on top
    axes.set_xlabel(layout.value)


def _draw_lines(axes: "Axes", lines: Sequence[Line], layout: Layout) -> None:
    for line in lines:
        xs: Any = [x for x, _ in line.points]
        marker = "." if len(xs) < _MAX_MARKERS else None
        axes.plot(xs, [y for _, y in line.points], marker=marker, label=_plain(line.name) or None)
    axes.set_xlabel(layout.x)
    axes.set_ylabel(layout.value)
    if all(y >= 0 for line in lines for _, y in line.points):
        axes.set_ylim(bottom=0)
    if 1 < len(lines) <= _MAX_LEGEND:
        axes.legend()
    if layout.x == "date":
        axes.tick_params(axis="x", rotation=30)
    else:
        axes.locator_params(axis="x", integer=True)


def _plain(name: str) -> str:
    """Return a name that matplotlib shows as it is: it reads text between dollars as a formula, and hides "_..."."""
    text = name.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
