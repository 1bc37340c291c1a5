"""Returns the reader of a format."""

from typing import Final

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.sources.arrow.parquet import ParquetReader
from mixpanel_async.jobs.sources.base import CheckColumns, Reader
from mixpanel_async.jobs.sources.csv.cells import Dialect
from mixpanel_async.jobs.sources.csv.reader import CsvReader
from mixpanel_async.jobs.sources.detection import Format
from mixpanel_async.jobs.sources.json_array import JsonArrayReader
from mixpanel_async.jobs.sources.ndjson import NdjsonReader
from mixpanel_async.jobs.sources.options import FileOptions
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.worker_thread import WorkerThread

_TSV: Final = Dialect("\t", None)


def make_reader(
    file_format: Format, file: ReadAheadFile, thread: WorkerThread, options: FileOptions, check_columns: CheckColumns
) -> Reader:
    """Return the reader of a format.

    Args:
        file_format: The format.
        file: An open file.
        thread: Runs blocking calls.
        options: How the file is read.
        check_columns: Called with the header of a table.

    Raises:
        InvalidArgumentError: `records_path` is set for a format that has no such path.
    """
    if options.records_path is not None and file_format != "json":
        raise InvalidArgumentError(f"records_path is invalid: {file.name} is {file_format}, not JSON; omit it")
    if file_format in {"csv", "tsv"}:
        return CsvReader(file, thread, options, _TSV if file_format == "tsv" else None, check_columns)
    if file_format == "json":
        return JsonArrayReader(file, options.records_path.split(".") if options.records_path else ())
    if file_format == "parquet":
        return ParquetReader(file, thread, options.nan, check_columns)
    return NdjsonReader(file)
