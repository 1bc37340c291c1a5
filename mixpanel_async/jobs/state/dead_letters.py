"""Dead letters: rejected records as JSON lines, with source, number and reason."""

import base64
from collections.abc import Callable, Iterable, Iterator

import msgspec
import orjson

from mixpanel_async.jobs.model.chunks import STEP_RECORDS, Chunk, RejectedRecord
from mixpanel_async.records.rejection import malformed
from mixpanel_async.time_slice import Steps


class DeadLetter(msgspec.Struct, omit_defaults=True):
    """One dead letter; exactly one of `record`, `text` and `base64` holds the rejected record.

    Attributes:
        source: Name of the source.
        number: Line, row or record number in the source, from 1.
        reason: A short keyword, such as `invalid` or `too_large`.
        field: The invalid field, or "" for the whole record.
        message: What is invalid and what to do.
        record: The record if it is JSON; to resend it, fix it here.
        text: The record if it is UTF-8 text but not JSON.
        base64: The record if it is not UTF-8 text.
    """

    source: str = ""
    number: int = 0
    reason: str = ""
    field: str = ""
    message: str = ""
    record: msgspec.Raw = msgspec.Raw()
    text: str | None = None
    base64: str | None = None


_decode = msgspec.json.Decoder(DeadLetter).decode


def encode_dead_letter(source: str, reject: RejectedRecord) -> bytes:
    """Return a rejected record as a line."""
    verdict = reject.verdict
    letter = DeadLetter(source, reject.number, verdict.reason, _as_text(verdict.field), _as_text(verdict.message))
    # JSON is embedded as an object, so that people can edit it; anything else is kept without loss.
    if not reject.is_text and (record := reject.record.strip()) and _is_json(record):  # lines of files have a line end
        letter.record = msgspec.Raw(record)
        return msgspec.json.encode(letter) + b"\n"
    record = reject.record if reject.is_text else reject.record.strip()
    try:
        letter.text = record.decode()
    except UnicodeDecodeError:
        letter.base64 = base64.b64encode(record).decode()
    return msgspec.json.encode(letter) + b"\n"


def _is_json(record: bytes) -> bool:
    try:
        orjson.loads(record)
    except orjson.JSONDecodeError:
        return False
    return True


def _as_text(text: str) -> str:
    """Return text that UTF-8 can encode: the name of a property in memory may hold lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()


def decode_dead_letter(line: bytes) -> DeadLetter | None:
    """Return the dead letter of a line, or None if the line is not a dead letter."""
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def settled_dead_letters(lines: Iterable[bytes], is_settled: Callable[[str, int], bool]) -> Iterator[bytes]:
    """Yield the dead letters that a later run does not write again.

    Args:
        lines: Dead letters of a run that ended early.
        is_settled: Returns whether a record, by source and number, lies before the position where the later run starts.
    """
    # A line that is not a dead letter was cut off by a crash; its record is read and written again.
    for line in lines:
        letter = decode_dead_letter(line)
        if letter is not None and is_settled(letter.source, letter.number):
            yield line


def repaired_records(chunk: Chunk) -> Steps[Chunk]:
    """Return a chunk of dead letters as a chunk of the records that they hold, in steps."""
    records: list[bytes] = []
    numbers: list[int] = []
    rejects = list(chunk.rejects)
    for index, (line, number) in enumerate(zip(chunk.lines, chunk.numbers, strict=True)):
        if index % STEP_RECORDS == 0:
            yield
        if line.isspace():
            continue
        letter = decode_dead_letter(line)
        if letter is None:
            message = "not a dead letter; expected a line written by --dead-letters"
            rejects.append(RejectedRecord(number, malformed(message), line))
        elif not bytes(letter.record):
            content = (letter.text or "").encode() or _decoded(letter.base64 or "")
            message = "not fixed yet; put the fixed record, as JSON, into `record`"
            rejects.append(RejectedRecord(number, malformed(message), content))
        else:
            records.append(bytes(letter.record))
            numbers.append(number)
    return Chunk(chunk.name, numbers, lines=records, rejects=rejects, end=chunk.end)


def _decoded(text: str) -> bytes:
    """Return base64 text decoded, or as it is if an edit made it invalid."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return text.encode()
