"""The parameters of a query: read, checked, and refused with a message that says what to do."""

import datetime as dt
import re
from collections.abc import Collection, Mapping
from typing import Final, TypeVar

import orjson

from mixpanel_async.emulator.expressions.parser import ExpressionError, parse_expression
from mixpanel_async.emulator.expressions.syntax import Field, Node
from mixpanel_async.emulator.replies import RefusalError

Word = TypeVar("Word", bound=str)

MAX_SEGMENTS: Final = 10_000
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_MAX_NAMES = 10_000
# What can be no expression: `on` may be the plain name of a property.
_EXPRESSION_SIGN = re.compile(r"""["'()\[\]=<>]""")


class Parameters:
    """The parameters of one request.

    Args:
        values: Parameters by name; an empty one counts as missing.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name: value for name, value in values.items() if value != ""}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """Return a text; None if it is missing.

        Raises:
            RefusalError: With 400, if it has a NUL.
        """
        value = self._values.get(name)
        if value is not None and ("\0" in value or any("\ud800" <= one <= "\udfff" for one in value)):
            raise refused(name, "it contains a character that text cannot have", "remove it")
        return value

    def required(self, name: str, what: str) -> str:
        """Return a text.

        Args:
            name: Name of the parameter.
            what: What to give, for the message.

        Raises:
            RefusalError: With 400, if it is missing.
        """
        value = self.text(name)
        if value is None:
            raise RefusalError(400, f"{name} is missing: give {what}")
        return value

    def choice(self, name: str, choices: Collection[Word], default: Word | None = None) -> Word:
        """Return one of some words.

        Raises:
            RefusalError: With 400, if it is another word, or missing without a default.
        """
        value = self._values.get(name, default)
        if value is None:
            raise RefusalError(400, f"{name} is missing: give {_listed(choices)}")
        for choice in choices:
            if choice == value:
                return choice
        raise refused(name, f"{value!r} is not one of its values", f"give {_listed(choices)}")

    def count(self, name: str, default: int, most: int, least: int = 1) -> int:
        """Return a whole number from `least` to `most`.

        Raises:
            RefusalError: With 400, if it is none.
        """
        value = self._values.get(name)
        if value is None:
            return default
        number = int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else -1  # noqa: PLR2004 - fits
        if not least <= number <= most:
            raise refused(name, f"{value!r} is not a whole number from {least} to {most:,}", "give one")
        return number

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a truth value.

        Raises:
            RefusalError: With 400, if it is neither true nor false.
        """
        value = self._values.get(name, str(default)).lower()
        if value not in {"true", "false", "1", "0"}:
            raise refused(name, f"{value!r} is not a truth value", "give true or false")
        return value in {"true", "1"}

    def names(self, name: str) -> list[str] | None:
        """Return the texts of a JSON array; None if it is missing.

        Raises:
            RefusalError: With 400, if it is not an array of texts.
        """
        value = self.text(name)
        if value is None:
            return None
        found = _decoded(value)
        if not isinstance(found, list) or not all(isinstance(one, str) and "\0" not in one for one in found):
            raise refused(name, "it is not a JSON array of texts", 'give one, such as ["a", "b"]')
        if len(found) > _MAX_NAMES:
            raise refused(name, f"it has more than {_MAX_NAMES:,} texts", "send fewer")
        return found

    def date(self, name: str) -> dt.date:
        """Return a day.

        Raises:
            RefusalError: With 400, if it is missing or not a day.
        """
        value = self.required(name, "a day as YYYY-MM-DD")
        try:
            day = dt.datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day of the project's time zone
        except ValueError as error:
            raise refused(name, f"{value!r} is not a day", "give it as YYYY-MM-DD") from error
        if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            raise refused(name, f"{value!r} is not in the years {_FIRST_YEAR} to {_LAST_YEAR}", "give another day")
        return day

    def days(self) -> tuple[dt.date, dt.date]:
        """Return from_date and to_date; both are inclusive.

        Raises:
            RefusalError: With 400, if one is missing or not a day, or if they are reversed.
        """
        first, last = self.date("from_date"), self.date("to_date")
        if last < first:
            raise refused("to_date", f"{last} is before from_date, {first}", "exchange them")
        return first, last

    def condition(self, name: str = "where") -> Node | None:
        """Return an expression to filter by; None if it is missing.

        Raises:
            RefusalError: With 400, if it is not an expression.
        """
        value = self.text(name)
        return None if value is None else parsed(name, value)

    def segment(self) -> Node | None:
        """Return the expression `on`, which may be the plain name of a property; None if it is missing.

        Raises:
            RefusalError: With 400, if it is neither.
        """
        value = self.text("on")
        return None if value is None else parsed_segment("on", value)

    def is_csv(self) -> bool:
        """Return whether the reply is wanted as CSV.

        Raises:
            RefusalError: With 400, if the format is neither json nor csv.
        """
        return self.choice("format", ("json", "csv"), "json") == "csv"


def parsed(name: str, text: str) -> Node:
    """Parse an expression.

    Raises:
        RefusalError: With 400, if it is not one.
    """
    try:
        return parse_expression(text)
    except ExpressionError as error:
        raise refused(name, str(error), 'give an expression, such as properties["plan"] == "pro"') from error


def parsed_segment(name: str, text: str) -> Node:
    """Parse an expression or the plain name of a property.

    Raises:
        RefusalError: With 400, if it is neither.
    """
    try:
        return parse_expression(text)
    except ExpressionError as error:
        if _EXPRESSION_SIGN.search(text) is None and not text.isspace():
            return Field("properties", text)
        raise refused(name, str(error), 'give an expression, such as properties["plan"], or a property') from error


def refused(name: str, rule: str, advice: str) -> RefusalError:
    """Return the error for an invalid parameter."""
    return RefusalError(400, f"{name} is invalid: {rule}; {advice}")


def _decoded(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _listed(choices: Collection[str]) -> str:
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last
