"""Rows as an HTML table, for notebooks."""

import html
from collections.abc import Sequence
from typing import Final

from mixpanel_async.json_types import JSONValue

_MAX_ROWS: Final = 60
_MAX_COLUMNS: Final = 20
_RIGHT: Final = ' style="text-align:right"'


def html_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[JSONValue]]) -> str:
    """Return a table with its first rows and columns, and a caption with the size of the whole.

    Args:
        title: What the table is.
        columns: Names of the columns.
        rows: Values.
    """
    shown = [i for i in range(len(columns)) if not rows or any(row[i] is not None for row in rows)]
    size = f"{len(rows):,} row{'' if len(rows) == 1 else 's'} \N{MULTIPLICATION SIGN} {len(shown):,} columns"
    if len(rows) > _MAX_ROWS or len(shown) > _MAX_COLUMNS:
        size += f" (the first {min(len(rows), _MAX_ROWS)} and {min(len(shown), _MAX_COLUMNS)} are shown)"
    shown = shown[:_MAX_COLUMNS]
    head = "".join(f"<th>{html.escape(columns[i])}</th>" for i in shown)
    body = "".join(f"<tr>{''.join(_cell(row[i]) for i in shown)}</tr>" for row in rows[:_MAX_ROWS])
    caption = f"<caption>{html.escape(title)}: {size}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: JSONValue) -> str:
    if value is None:
        return "<td></td>"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"<td{_RIGHT}>{value:,}</td>"
    if isinstance(value, float):
        return f"<td{_RIGHT}>{value:,.6g}</td>" if abs(value) < 1e5 else f"<td{_RIGHT}>{value:,.2f}</td>"  # noqa: PLR2004
    return f"<td>{html.escape(str(value))}</td>"
