"""The formats of files: each reads a file as chunks, from a place on."""

from typing import Final

from mixpanel_async.jobs.sources.base import CheckColumns, Reader
from mixpanel_async.jobs.sources.csv import CsvReader
from mixpanel_async.jobs.sources.detection import Format
from mixpanel_async.jobs.sources.json_array import JsonArrayReader
from mixpanel_async.jobs.sources.ndjson import NdjsonReader
from mixpanel_async.jobs.sources.parquet import ParquetReader
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.worker_thread import WorkerThread

_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}


def make_reader(
    form: Format, file: ReadAheadFile, thread: WorkerThread, delimiter: str | None, check_columns: CheckColumns
) -> Reader:
    """Return the reader of a format.

    Args:
        form: The format.
        file: Open already.
        thread: Runs what blocks.
        delimiter: What stands between cells of a table, or None for the format's own.
        check_columns: Called with the header of a table.
    """
    if form in _DELIMITERS:
        return CsvReader(file, thread, delimiter or _DELIMITERS[form], check_columns)
    if form == "json":
        return JsonArrayReader(file)
    if form == "parquet":
        return ParquetReader(file, thread, check_columns)
    return NdjsonReader(file)
