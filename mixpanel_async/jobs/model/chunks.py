"""What travels through a job: chunks of records as they were read, and pieces that are ready to be sent."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.models import Verdict

FlatRecord: TypeAlias = Mapping[str, object]


class RejectedRecord(msgspec.Struct, frozen=True):
    """A record that cannot be sent.

    Attributes:
        number: Its line, row or record, from 1.
        verdict: Why.
        record: Its bytes, as far as they are known.
    """

    number: int
    verdict: Verdict
    record: bytes = b""


class Chunk(msgspec.Struct):
    """Records as they were read: lines, or rows.

    Attributes:
        name: Of the source, for people.
        numbers: Line, row or record number of each record.
        lines: Records as JSON; empty if there are rows.
        rows: Records as mappings; empty if there are lines.
        misfits: What could not be read as a record.
        end: Where reading goes on after this chunk.
        is_table: Whether the rows are of a table, and so no events yet.
    """

    name: str
    numbers: Sequence[int]
    lines: Sequence[bytes] = ()
    rows: Sequence[FlatRecord] = ()
    misfits: Sequence[RejectedRecord] = ()
    end: "Position | None" = None
    is_table: bool = False


class Position(msgspec.Struct, frozen=True):
    """A place in a source, from which it can be read again.

    Attributes:
        file: Which of the source's files, from 0.
        number: The last line, row or record before the place.
        offset: Bytes of the (inflated) file before the place; 0 where the format is found by counting records.
    """

    file: int = 0
    number: int = 0
    offset: int = 0


class EncodedChunk(msgspec.Struct):
    """What a chunk became.

    Attributes:
        name: Of the source, for people.
        parts: Encoded records to be sent.
        numbers: Line, row or record number of each.
        tally: What is clear already: records read, rejected, duplicate, skipped.
        misfits: The rejected records.
        end: Where reading goes on after it.
        unsafe: Indexes of parts that must not be applied twice.
        skipped: Which of the mapping's filters left a record out, by the record's number.
    """

    name: str
    parts: Sequence[bytes]
    numbers: Sequence[int]
    tally: Tally
    misfits: Sequence[RejectedRecord] = ()
    end: Position | None = None
    unsafe: Sequence[int] = ()
    skipped: Mapping[int, str] = {}
