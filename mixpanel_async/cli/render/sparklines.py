"""Draws a report in a terminal: a line of blocks for each segment, or a bar for each name."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size

from mixpanel_async.actions._core.pivot import Line
from mixpanel_async.cli.render.numbers import short_number
from mixpanel_async.json_types import JSONValue

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_PARTS: Final = " ▏▎▍▌▋▊▉"
_MAX_NAME: Final = 30
_MIN_CHART: Final = 10
_ASCII: Final = str.maketrans(dict(zip(_BLOCKS + _PARTS[1:], "._-=+*%@" + "#" * 7, strict=True)))


def encode_chart(lines: Sequence[Line], width: int, encoding: str, *, is_additive: bool) -> bytes:
    """Return a chart.

    Args:
        lines: What to draw.
        width: Columns of the terminal.
        encoding: Encoding of the output; where it has no blocks, ASCII stands in.
        is_additive: Whether the sum of a line means something.
    """
    are_names = any(isinstance(x, str) or x is None for line in lines for x, _ in line.points)
    found = _bars(lines, width) if are_names else _sparklines(lines, width, is_additive=is_additive)
    text = "".join(f"{line.rstrip()}\n" for line in found)
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, errors="replace")


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Return values as blocks from 0, or from the least negative value, to the greatest; a gap is a space.

    Args:
        values: Numbers; None: there is none.
        width: Most characters; several values share one by their mean.
    """
    cells = _shrunk(values, width)
    known = [value for value in cells if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    span = high - low
    top = len(_BLOCKS) - 1
    return "".join(
        " " if value is None else _BLOCKS[round((value / span - low / span) * top) if span else 0] for value in cells
    )


def _shrunk(values: Sequence[float | None], width: int) -> list[float | None]:
    count = min(len(values), width)
    parts = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    return [_mean([value for value in part if value is not None]) for part in parts]


def _mean(values: Sequence[float]) -> float | None:
    return sum(value / len(values) for value in values) if values else None


def _sparklines(lines: Sequence[Line], width: int, *, is_additive: bool) -> list[str]:
    axis = sorted({x: None for line in lines for x, _ in line.points}, key=_place)
    if not axis:
        return []
    notes = [_note(line, is_additive=is_additive) for line in lines]
    name_width = _name_width([line.name for line in lines])
    room = max(_MIN_CHART, width - name_width - max(map(len, notes)) - 4)
    found = []
    for line, note in zip(lines, notes, strict=True):
        values = dict(line.points)
        chart = sparkline([values.get(x) for x in axis], room)
        found.append(f"{_heading(line.name, name_width)}{chart}  {note}")
    period = str(axis[0]) if len(axis) == 1 else f"{axis[0]} to {axis[-1]}"
    what = "" if lines[0].axis == "date" else f"{lines[0].axis} "
    return [*found, f"{_heading('', name_width)}{what}{period}"]


def _bars(lines: Sequence[Line], width: int) -> list[str]:
    bars = [(" / ".join(str(part) for part in (line.name, x) if part), y) for line in lines for x, y in line.points]
    greatest = max((abs(y) for _, y in bars), default=0.0)
    numbers = [short_number(y) for _, y in bars]
    name_width = _name_width([name for name, _ in bars])
    room = max(_MIN_CHART, width - name_width - max(map(len, numbers), default=0) - 4)
    return [
        f"{_heading(name, name_width)}{_bar(abs(y) / greatest if greatest else 0.0, room)} {number}"
        for (name, y), number in zip(bars, numbers, strict=True)
    ]


def _bar(share: float, width: int) -> str:
    eighths = round(share * width * len(_PARTS))
    whole, part = divmod(eighths, len(_PARTS))
    return "█" * whole + _PARTS[part].strip()


def _note(line: Line, *, is_additive: bool) -> str:
    values = [y for _, y in line.points]
    span = f"{short_number(min(values))} to {short_number(max(values))}"
    return f"{span}, total {short_number(sum(values))}" if is_additive else span


def _heading(name: str, width: int) -> str:
    return f"{set_cell_size(_clean(name), width)}  " if width else ""


def _name_width(names: Sequence[str]) -> int:
    return min(_MAX_NAME, max((cell_len(_clean(name)) for name in names), default=0))


def _clean(name: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)


def _place(value: JSONValue) -> tuple[bool, str | float]:
    return (True, value) if isinstance(value, int | float) else (False, str(value))
