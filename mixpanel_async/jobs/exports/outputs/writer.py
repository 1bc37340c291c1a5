"""Writes the blocks of an export to one output, on a thread."""

import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from mixpanel_async.jobs.exports.line_check import DecodeRows
from mixpanel_async.jobs.exports.outputs.columns import Column
from mixpanel_async.jobs.exports.outputs.compression import TextStream
from mixpanel_async.jobs.exports.outputs.files import WritableFile
from mixpanel_async.jobs.exports.outputs.formats import OutputKind
from mixpanel_async.jobs.exports.outputs.rows import DecodedLine, RowDecoder
from mixpanel_async.jobs.exports.outputs.text_outputs import CsvOutput, LineOutput
from mixpanel_async.jobs.worker_thread import WorkerThread, made_on
from mixpanel_async.time_slice import ThreadTurns

_WRITE_BYTES: Final = 512 * 1024


class EventLines(msgspec.Struct, frozen=True):
    """Some events as they arrived.

    Attributes:
        lines: Whole lines, each with its line end.
        events: Number of lines.
        rows: The lines as rows, if they are to become a table and could be decoded so.
    """

    lines: bytes
    events: int
    rows: Sequence[DecodedLine] | None = None


class Written(msgspec.Struct, frozen=True):
    """What was written to one output.

    Attributes:
        events: Number of events.
        line_bytes: Size of their lines.
        stored_bytes: Size of the file.
        sha256: Hash of the file, in hexadecimal digits.
    """

    events: int
    line_bytes: int
    stored_bytes: int
    sha256: str


class _EventOutput(Protocol):
    def add(self, lines: bytes, rows: Sequence[DecodedLine] | None) -> None:
        """Write whole lines."""

    def end(self) -> None:
        """Write the end."""

    def abandon(self) -> None:
        """Write nothing more."""


class OutputPlan(msgspec.Struct, frozen=True):
    """How events are written.

    Attributes:
        kind: Format and compression.
        columns: Chosen properties.
        time_in_ms: Whether `time` is in milliseconds and not in seconds.
    """

    kind: OutputKind
    columns: Sequence[Column] = ()
    time_in_ms: bool = False

    def check(self) -> None:
        """Check that what the format needs is installed. Blocks.

        Raises:
            MissingExtraError: It is not.
        """
        output = self.open(_Nowhere())
        output.abandon()

    def decoder(self) -> DecodeRows | None:
        """Return what decodes lines for a table; None for lines."""
        return None if self.kind.format == "ndjson" else RowDecoder(self.columns).rows

    def open(self, file: WritableFile) -> _EventOutput:
        """Return the output that writes to a file."""
        if self.kind.format == "parquet":
            from mixpanel_async.jobs.exports.outputs.parquet_output import ParquetOutput

            return ParquetOutput(file, self.columns, time_in_ms=self.time_in_ms)
        stream = TextStream(file.write, self.kind.compression)
        if self.kind.format == "csv":
            return CsvOutput(stream, self.columns, time_in_ms=self.time_in_ms)
        return LineOutput(stream)


class _Nowhere:
    def write(self, data: bytes, /) -> object:
        return len(data)


class CountedFile:
    """Counts and hashes what is written to a file.

    Args:
        file: The file.

    Attributes:
        size: Number of bytes.
    """

    def __init__(self, file: WritableFile) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> None:
        """Write bytes."""
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> str:
        """Hash of what was written, in hexadecimal digits."""
        return self._hash.hexdigest()


async def write_events(
    thread: WorkerThread,
    file: WritableFile,
    blocks: AsyncGenerator[EventLines],
    plan: OutputPlan,
    on_block: Callable[[EventLines], None],
) -> Written:
    """Write the blocks of an export to a file. One block is written while the next one arrives.

    Args:
        thread: Runs the blocking calls.
        file: The file.
        blocks: The blocks; an error of theirs is raised as it is.
        plan: How the events are written.
        on_block: Called with each block as it arrives.

    Raises:
        OutputError: The file cannot be written, or the format cannot hold an event.
    """
    counted = CountedFile(file)
    events = size = 0
    async with made_on(thread, partial(plan.open, counted), lambda output: output.abandon()) as output:
        writing = thread.submit(_nothing)
        held: list[EventLines] = []
        held_bytes = 0
        async with contextlib.aclosing(blocks):
            async for block in blocks:
                on_block(block)
                events += block.events
                size += len(block.lines)
                held.append(block)
                held_bytes += len(block.lines)
                if held_bytes >= _WRITE_BYTES:
                    await writing
                    writing = thread.submit(partial(_add, output, held))
                    held, held_bytes = [], 0
        await writing
        await thread.submit(partial(_add, output, held))
        await thread.submit(output.end)
    return Written(events, size, counted.size, counted.sha256)


def _add(output: _EventOutput, blocks: Sequence[EventLines]) -> None:
    turns = ThreadTurns()
    for block in blocks:
        if block.lines:
            output.add(block.lines, block.rows)
            turns.give_way()


def _nothing() -> None:
    pass
