"""What passes through a job: chunks of records as read, encoded chunks, rejected records and positions."""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.models import Verdict
from mixpanel_async.time_slice import Steps

FlatRecord: TypeAlias = Mapping[str, object]


class JsonNull(enum.Enum):
    """A null in a table that is to be sent; None in a table means that there is no value."""

    NULL = "null"


NULL: Final = JsonNull.NULL


class RejectedRecord(msgspec.Struct, frozen=True, gc=False):
    """A record that was not delivered.

    Attributes:
        number: Line, row or record number, from 1.
        verdict: Why.
        record: The record's bytes, as far as they are known.
        is_text: Whether the bytes are text of a table, even if they happen to be JSON.
    """

    number: int
    verdict: Verdict
    record: bytes = b""
    is_text: bool = False


class Notice(msgspec.Struct, frozen=True):
    """Something unusual about a record that was read.

    Attributes:
        number: Line, row or record number, from 1; 0 for the whole file.
        kind: What is unusual, in a few words.
        message: What to look for.
    """

    number: int
    kind: str
    message: str


class Position(msgspec.Struct, frozen=True):
    """A position in a source, from which reading can resume.

    Attributes:
        file: Index of the file in the source, from 0.
        number: Number of the last line, row or record before the position.
        offset: Bytes of the decompressed file before the position; 0 for formats that resume by counting records.
        mark: Differs where what was read just before the position differs; "" if unknown.
    """

    file: int = 0
    number: int = 0
    offset: int = 0
    mark: str = ""


class Chunk(msgspec.Struct):
    """Records as read: lines or rows.

    Attributes:
        name: Name of the source, for messages.
        numbers: Line, row or record number of each record.
        lines: Records as JSON; empty if there are rows.
        rows: Records as mappings; empty if there are lines.
        rejects: What could not be read as a record.
        end: Position after this chunk.
        is_table: Whether the rows come from a table, so that a mapping must turn them into events.
        notices: What is unusual about some records.
        repaired: Number of records whose text was repaired on request.
    """

    name: str
    numbers: Sequence[int]
    lines: Sequence[bytes] = ()
    rows: Sequence[FlatRecord] = ()
    rejects: Sequence[RejectedRecord] = ()
    end: Position | None = None
    is_table: bool = False
    notices: Sequence[Notice] = ()
    repaired: int = 0

    def groups(self) -> Iterator["Chunk"]:
        """Yield the lines in small groups, the rejects with the first; at least one group."""
        # The dicts of a group are gone before the next one is decoded: those of a whole chunk would live long enough
        # for the garbage collector to look through all objects of the process again and again.
        for start in range(0, len(self.lines) or 1, _DECODED_LINES):
            end = start + _DECODED_LINES
            rejects = () if start else self.rejects
            yield Chunk(self.name, self.numbers[start:end], lines=self.lines[start:end], rejects=rejects, end=self.end)


class EncodedChunk(msgspec.Struct):
    """The records of a chunk that can be sent, and the outcomes of the others.

    Attributes:
        name: Name of the source, for messages.
        parts: The records to send, as JSON.
        numbers: Line, row or record number of each part.
        tally: What is known before sending: records read, rejected, duplicate and skipped.
        rejects: The rejected records.
        end: Position after the chunk.
        unsafe: Indexes of parts that must not be applied twice.
        replaced: Numbers of the records whose own token was replaced by the client's.
        skipped: The filter of the mapping that skipped a record, by the record's number.
        notices: Examples of what is unusual about some records; the tally has counted all.
    """

    name: str
    parts: Sequence[bytes]
    numbers: Sequence[int]
    tally: Tally
    rejects: Sequence[RejectedRecord] = ()
    end: Position | None = None
    unsafe: Sequence[int] = ()
    replaced: Sequence[int] = ()
    skipped: Mapping[int, str] = {}
    notices: Sequence[Notice] = ()


# Encodes a chunk in steps: a chunk may hold a million records, and the loop must not wait for all of them.
Encode: TypeAlias = Callable[[Chunk], Steps[EncodedChunk]]
GROUP: Final = 256  # records that are checked together
_DECODED_LINES: Final = 32
STEP_RECORDS: Final = 8  # records that take a full check, per step: with hundreds of fields, one takes up to 0.5 ms
_STEP_REJECTS: Final = 64


def count_rejects(rejects: Sequence[RejectedRecord], tally: Tally) -> Steps[None]:
    """Count the rejected records of a chunk, in steps."""
    for index, reject in enumerate(rejects):
        tally.read += 1
        tally.count(reject.verdict)
        if index % _STEP_REJECTS == 0:
            yield
