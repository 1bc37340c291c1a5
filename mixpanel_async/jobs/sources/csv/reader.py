"""CSV and TSV reader; an invalid row is reported, and reading continues after it."""

from collections.abc import AsyncGenerator

from mixpanel_async.jobs.model.chunks import Chunk, Position
from mixpanel_async.jobs.sources.base import CheckColumns
from mixpanel_async.jobs.sources.csv.cells import Dialect
from mixpanel_async.jobs.sources.csv.parser import CsvParser, CsvRows
from mixpanel_async.jobs.sources.csv.text_lines import TextLines
from mixpanel_async.jobs.sources.options import FileOptions
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.sources.tail import check_mark
from mixpanel_async.jobs.worker_thread import WorkerThread


class CsvReader:
    """Reads CSV and TSV.

    Args:
        file: An open file.
        thread: Runs blocking calls.
        options: How the file is read.
        default: What the format prescribes; None: commas, or what the header shows.
        check_columns: Called with the header.
    """

    def __init__(
        self,
        file: ReadAheadFile,
        thread: WorkerThread,
        options: FileOptions,
        default: Dialect | None,
        check_columns: CheckColumns,
    ) -> None:
        self._file = file
        self._thread = thread
        self._rows = CsvParser(file.name, TextLines(file.read_block), options, default)
        self._check_columns = check_columns
        self._start = Position()

    async def open(self, start: Position) -> None:
        """Read the header and move to the position where reading begins."""
        self._start = start
        columns = await self._thread.submit(self._read_header)
        if columns:
            self._check_columns(columns)

    def _read_header(self) -> list[str]:
        columns = self._rows.read_header()
        self._rows.skip(self._start.number)
        check_mark(self._file.name, self._rows.mark, self._start.mark)
        return columns

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the rows."""
        while True:
            found: CsvRows = await self._thread.submit(self._rows.read)
            end = Position(self._start.file, found.number, mark=found.mark)
            yield Chunk(
                self._file.name,
                found.numbers,
                rows=found.rows,
                rejects=found.rejects,
                end=end,
                is_table=True,
                notices=found.notices,
                repaired=found.repaired,
            )
            if found.is_end:
                return
