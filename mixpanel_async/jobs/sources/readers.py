"""Returns the reader of a format."""

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
    file_format: Format, file: ReadAheadFile, thread: WorkerThread, delimiter: str | None, check_columns: CheckColumns
) -> Reader:
    """Return the reader of a format.

    Args:
        file_format: The format.
        file: An open file.
        thread: Runs blocking calls.
        delimiter: Column delimiter, or None for the format's own.
        check_columns: Called with the header of a table.
    """
    if file_format in _DELIMITERS:
        return CsvReader(file, thread, delimiter or _DELIMITERS[file_format], check_columns)
    if file_format == "json":
        return JsonArrayReader(file)
    if file_format == "parquet":
        return ParquetReader(file, thread, check_columns)
    return NdjsonReader(file)
