"""Replaces invalid text by U+FFFD: halves of surrogate pairs, and bytes that are not UTF-8."""

import re
from typing import Final

import msgspec

from mixpanel_async.codecs.lines import is_utf8
from mixpanel_async.jobs.model.chunks import Chunk

# An escaped backslash, a pair of escapes, or half of one.
_ESCAPES: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def repaired_text(text: bytes) -> bytes:
    """Return text as UTF-8; surrogates that are encoded one by one (CESU-8) become the character that they mean."""
    try:
        found = text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        found = text.decode("utf-8", "replace")
    return found.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def repaired_json(line: bytes) -> bytes:
    """Return JSON text as UTF-8 whose escapes are characters."""
    if b"\\u" in line:
        line = _ESCAPES.sub(lambda match: rb"\ufffd" if match[1] else match[0], line)
    return line if is_utf8(line) else repaired_text(line)


def repaired_chunk(chunk: Chunk) -> Chunk:
    """Return a chunk of lines that are text, with the number of those that were repaired."""
    lines = list(map(repaired_json, chunk.lines))
    repaired = sum(new is not old and new != old for new, old in zip(lines, chunk.lines, strict=True))
    return msgspec.structs.replace(chunk, lines=lines, repaired=repaired) if repaired else chunk
