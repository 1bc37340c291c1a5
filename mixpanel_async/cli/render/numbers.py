"""Numbers for people."""

from typing import Final

_EXACT_BELOW: Final = 100_000.0


def short_number(value: float) -> str:
    """Return a number with separators of thousands; a fraction has six digits, or two places from 100,000."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 2**53):
        return f"{int(value):,}"
    return f"{value:,.6g}" if abs(value) < _EXACT_BELOW else f"{value:,.2f}"
