"""Options that say how the files of an import are read."""

from typing import Annotated, Final, TypeAlias, cast

import typer

from mixpanel_async import FileOptions
from mixpanel_async.jobs.sources.arrow.rows import OnNaN
from mixpanel_async.jobs.sources.detection import FORMATS, Format

_PANEL: Final = "File format"
_Text: TypeAlias = str | None


def _option(name: str, words: str) -> object:
    return typer.Option(name, help=words, rich_help_panel=_PANEL)


def file_options(
    *,
    format_: Annotated[
        _Text, _option("--format", f"Input format: {', '.join(FORMATS[:-1])} or {FORMATS[-1]} (default: detected).")
    ] = None,
    delimiter: Annotated[
        _Text, _option("--delimiter", "Column delimiter (default: a tab for tsv, else detected from the header).")
    ] = None,
    quote: Annotated[
        _Text, _option("--quote", 'Quote character of tables, or none (default: " for csv, none for tsv).')
    ] = None,
    escape: Annotated[_Text, _option("--escape", "Escape character of tables, such as a backslash.")] = None,
    encoding: Annotated[
        _Text, _option("--encoding", "Text encoding, such as cp1252 (default: UTF-8, or as its byte order mark says).")
    ] = None,
    null: Annotated[
        list[str] | None, _option("--null", 'Word that means "no value" in a cell, such as NULL; repeatable.')
    ] = None,
    columns: Annotated[
        list[str] | None,
        _option("--column", "Name of a column of a table without a header, in their order; repeatable."),
    ] = None,
    repair_text: Annotated[
        bool, _option("--repair-text", "Replace invalid text, such as half an emoji, by U+FFFD, and count it.")
    ] = False,
    records_path: Annotated[
        _Text,
        _option("--records-path", "Fields that lead to the list of records in JSON, such as data.events."),
    ] = None,
    nan: Annotated[
        _Text, _option("--nan", "What becomes of a Parquet cell that is NaN: reject its row (default), drop, or null.")
    ] = None,
) -> FileOptions:
    """Return the options."""
    return FileOptions(
        format=cast("Format | None", format_),
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        encoding=encoding,
        null=tuple(null or ()),
        columns=tuple(columns or ()),
        repair_text=repair_text,
        records_path=records_path,
        nan=cast("OnNaN", nan or "reject"),
    )
