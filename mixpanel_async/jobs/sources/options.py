"""FileOptions: how files are read."""

from collections.abc import Sequence
from typing import Final, get_args

import msgspec
import orjson

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.sources.arrow.rows import OnNaN
from mixpanel_async.jobs.sources.detection import FORMATS, Format
from mixpanel_async.jobs.sources.encodings import check_encoding

_NO_DELIMITERS: Final = frozenset('"\r\n')
_NO_SIGNS: Final = frozenset("\r\n")
_NONE: Final = "none"


class FileOptions(msgspec.Struct, frozen=True, kw_only=True):
    r"""How the files of an import are read.

    Attributes:
        format: Format of the files: ndjson, json, csv, tsv or parquet; None: detected.
        delimiter: Column delimiter of tables; None: a tab for tsv, else detected from the header.
        quote: Quote character of tables, or `none`; None: `"` for csv, and `none` for tsv.
        escape: Escape character of tables, such as a backslash. In tsv without quotes, `\t` and `\n` then are a
            tab and a line end.
        encoding: Text encoding, such as cp1252 or latin-1; None: UTF-8, or what a byte order mark says.
        null: Words that mean "no value" in cells, such as NULL.
        columns: Names of the columns of a table without a header, in their order. If the first line names one of them,
            it is the header, and its names are used.
        repair_text: Replace invalid text by U+FFFD instead of rejecting the record: half of a surrogate pair,
            as a cut emoji leaves it, or bytes that are not UTF-8. The report counts it in `changed_by`.
        records_path: Names of the fields that lead to the list of records in a JSON object, with points between them,
            such as events for {"events": [...]}.
        nan: What becomes of a cell of Parquet or of a table in memory that is not a number (NaN): `reject` its row,
            `drop` the cell, or send `null`.

    Raises:
        InvalidArgumentError: An option is invalid or contradicts another one.

    Example:
        ```python
        mapping = UpdateMapping(id_field="email")
        report = await mp.import_profiles("profiles.csv", mapping=mapping, encoding="cp1252", null=["NULL"])
        ```
    """

    format: Format | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    null: Sequence[str] = ()
    columns: Sequence[str] = ()
    repair_text: bool = False
    records_path: str | None = None
    nan: OnNaN = "reject"

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in FORMATS:
            raise InvalidArgumentError(
                f"format is invalid: {self.format!r} is unknown; choose one of {', '.join(FORMATS)}"
            )
        if self.delimiter is not None and not _is_one_of(self.delimiter, _NO_DELIMITERS):
            raise InvalidArgumentError(
                f"delimiter is invalid: {self.delimiter!r} is not one character other than a quote or line end; use "
                "one such as ; or | (for tabs, use format tsv)"
            )
        for name, sign in (("quote", self.quote), ("escape", self.escape)):
            if sign is not None and not (name == "quote" and sign == _NONE) and not _is_one_of(sign, _NO_SIGNS):
                or_none = ", or none" if name == "quote" else ""
                raise InvalidArgumentError(f"{name} is invalid: {sign!r} is not one character{or_none}; give one")
            if sign is not None and sign == self.delimiter:
                raise InvalidArgumentError(f"{name} is invalid: {sign!r} is also the delimiter; choose another one")
        if self.records_path is not None and not all(self.records_path.split(".")):
            raise InvalidArgumentError(f"records_path is invalid: {self.records_path!r} has an empty name; use a.b")
        if self.encoding is not None:
            check_encoding(self.encoding)
        if isinstance(self.null, str) or not all(isinstance(word, str) for word in self.null):
            raise InvalidArgumentError('null is invalid: it is not a list of words; give a list such as ["NULL"]')
        if isinstance(self.columns, str) or not all(self.columns):
            raise InvalidArgumentError('columns is invalid: it is not a list of names; give a list such as ["a", "b"]')
        if self.nan not in get_args(OnNaN):
            raise InvalidArgumentError(f"nan is invalid: {self.nan!r} is unknown; choose reject, drop or null")

    def quote_character(self, default: str | None) -> str | None:
        """Return the quote character, or None for no quoting.

        Args:
            default: What the format prescribes.
        """
        quote = default if self.quote is None else self.quote
        return None if quote == _NONE else quote

    @property
    def escape_character(self) -> str | None:
        """The escape character; None if it is the quote, which is doubled in any case."""
        return None if self.escape is not None and self.escape == self.quote_character('"') else self.escape

    def fingerprint(self) -> str:
        """Return text that differs for options that read something else; for the options of 0.1.0 as 0.1.0 had it."""
        others = {name: getattr(self, name) for name in self.given() if name not in {"format", "delimiter"}}
        more = orjson.dumps(others, default=list).decode() if others else ""
        return f"{self.format}|{self.delimiter}|{more}" if more else f"{self.format}|{self.delimiter}"

    def given(self) -> list[str]:
        """Return the names of the options that were given."""
        defaults = FileOptions()
        return [name for name in self.__struct_fields__ if getattr(self, name) != getattr(defaults, name)]


def _is_one_of(sign: object, forbidden: frozenset[str]) -> bool:
    return isinstance(sign, str) and len(sign) == 1 and sign not in forbidden
