"""Cuts a JSON container into its parts without decoding them: one that is not valid does not spoil the others."""

from typing import Final

from mixpanel_async.codecs.json_scan import JsonScanner, json_error
from mixpanel_async.time_slice import Steps

_WINDOW_BYTES: Final = 64 * 1024  # takes a millisecond
_CLOSING: Final = {b"[": b"]", b"{": b"}"}


def cut_json(text: bytes) -> Steps[list[tuple[bytes, bytes]]]:
    """Return the parts of an array or an object, in steps of about a millisecond.

    Only the structure is read: brackets, commas and where strings end. What is wrong inside a part, such as NaN, a
    control character or bytes that are not UTF-8, stays there.

    Args:
        text: One whole array or object.

    Returns:
        Key and value of each member of an object, the key without its quotes and with its escapes; the elements of an
        array, each with an empty key.

    Raises:
        msgspec.DecodeError: The text is not one whole container.
    """
    scan = JsonScanner(text, _WINDOW_BYTES)
    start = scan.skip_space(0)
    opening = text[start : start + 1]
    if opening not in _CLOSING:
        raise json_error("expected an array or an object", start)
    parts: list[tuple[bytes, bytes]] = []
    position = scan.skip_space(start + 1)
    last = text[position : position + 1]
    if last != _CLOSING[opening]:
        last = b","
    else:
        position = scan.skip_space(position + 1)
    while last == b",":
        yield
        key, position = _key(text, scan, position) if opening == b"{" else (b"", position)
        end = yield from scan.end_of_value(position)
        parts.append((key, text[position:end]))
        position = scan.skip_space(end)
        last = text[position : position + 1]
        position = scan.skip_space(position + 1)
    if last != _CLOSING[opening]:
        raise json_error("expected a comma or the closing bracket", position - 1)
    if position < len(text):
        raise json_error("trailing characters", position)
    return parts


def _key(text: bytes, scan: JsonScanner, start: int) -> tuple[bytes, int]:
    """Return the key that starts at a byte, and where its value starts."""
    if text[start : start + 1] != b'"':
        raise json_error("expected a key", start)
    end = scan.end_of_scalar(start)
    colon = scan.skip_space(end)
    if text[colon : colon + 1] != b":":
        raise json_error("expected ':'", colon)
    return text[start + 1 : end - 1], scan.skip_space(colon + 1)
