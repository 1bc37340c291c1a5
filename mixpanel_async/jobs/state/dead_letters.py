"""Dead letters: records that were not delivered, as lines of JSON with their place and the reason. Pure."""

import base64
from collections.abc import Callable, Iterable, Iterator

import msgspec
import orjson

from mixpanel_async.jobs.model.chunks import Chunk, RejectedRecord
from mixpanel_async.records.rejection import malformed


class Letter(msgspec.Struct, omit_defaults=True):
    """One dead letter; exactly one of `record`, `text` and `base64` holds what was found.

    Attributes:
        source: Name of the source.
        number: Line, row or record in it, from 1.
        reason: A short, countable word.
        field: The field at fault, if there is one.
        message: What is wrong.
        record: The record, where it is JSON; whoever repairs it does it here.
        text: What was found, where it is text and no JSON.
        base64: What was found, where it is not even text.
    """

    source: str = ""
    number: int = 0
    reason: str = ""
    field: str = ""
    message: str = ""
    record: msgspec.Raw = msgspec.Raw()
    text: str | None = None
    base64: str | None = None


_decode = msgspec.json.Decoder(Letter).decode


def write_letter(source: str, misfit: RejectedRecord) -> bytes:
    """Return a record that was not delivered as a line."""
    verdict = misfit.verdict
    letter = Letter(source, misfit.number, verdict.reason, _as_text(verdict.field), _as_text(verdict.message))
    found = misfit.record.strip()
    try:
        orjson.loads(found)
        letter.record = msgspec.Raw(found)
    except orjson.JSONDecodeError:
        try:
            letter.text = found.decode()
        except UnicodeDecodeError:
            letter.base64 = base64.b64encode(found).decode()
    return msgspec.json.encode(letter) + b"\n"


def _as_text(words: str) -> str:
    """Return what can be written: words may name a property of a record in memory, and any str may be that name."""
    return words.encode("utf-8", "backslashreplace").decode()


def read_letter(line: bytes) -> Letter | None:
    """Return the letter that a line is, or None if it is none."""
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def letters_before(lines: Iterable[bytes], is_settled: Callable[[str, int], bool]) -> Iterator[bytes]:
    """Yield the letters that a later run would not write again.

    Args:
        lines: Letters of a run that ended early.
        is_settled: Whether a source's line, row or record lies before the place where the later run begins.
    """
    for line in lines:
        letter = read_letter(line)
        if letter is not None and is_settled(letter.source, letter.number):
            yield line


def open_letters(chunk: Chunk) -> Chunk:
    """Return the records of a chunk of dead letters, to be sent again."""
    records: list[bytes] = []
    numbers: list[int] = []
    misfits = list(chunk.misfits)
    for line, number in zip(chunk.lines, chunk.numbers, strict=True):
        if line.isspace():
            continue
        letter = read_letter(line)
        if letter is None:
            misfits.append(
                RejectedRecord(
                    number, malformed("this is no dead letter; each line is one, as an import wrote it"), line
                )
            )
        elif not bytes(letter.record):
            found = (letter.text or "").encode() or _decoded(letter.base64 or "")
            misfits.append(
                RejectedRecord(number, malformed("not repaired: put the record, as JSON, into `record`"), found)
            )
        else:
            records.append(bytes(letter.record))
            numbers.append(number)
    return Chunk(chunk.name, numbers, lines=records, misfits=misfits, end=chunk.end)


def _decoded(text: str) -> bytes:
    """Return the bytes of a letter; what somebody has edited, and is no base64 any more, stays as it is."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return text.encode()
