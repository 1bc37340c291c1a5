"""Decodes large JSON in windows, so that no single call keeps the interpreter lock for long.

A decoder holds the lock for the whole of a document, on whichever thread it runs: 200 MB of JSON stop the event loop
for a second. Here the elements of a large array or object are decoded some at a time. A window is right if it is valid
JSON between the brackets of its container: then it begins and ends between two elements.
"""

import gc
import re
from collections.abc import Callable
from functools import partial
from typing import Final, cast, get_args, get_origin

import msgspec

from mixpanel_async.codecs.json_scan import CLOSING, COMMA, QUOTE, JsonScanner, json_error
from mixpanel_async.time_slice import Steps, run_in_turns

WINDOW_BYTES: Final = 64 * 1024  # takes 0.3 ms
_LARGE_BYTES: Final = 2 * WINDOW_BYTES
_MAX_MISSES: Final = 4
_MAX_DEPTH: Final = 200
# Patterns of a probable comma between two elements, by the first character of an element.
_BETWEEN: Final = {
    ord("{"): re.compile(rb'\}\s*(,)\s*[{"]'),
    ord("["): re.compile(rb'\]\s*(,)\s*[\["]'),
    ord('"'): re.compile(rb'"\s*(,)\s*"'),
}
_BETWEEN_SCALARS: Final = re.compile(rb"(,)")


def decode_json(data: bytes | msgspec.Raw, kind: object = object) -> object:
    """Return decoded JSON as `kind`. Large JSON takes long: call this on a thread, and the event loop keeps running.

    Raises:
        msgspec.MsgspecError: The JSON is malformed or has another type; with the byte where that is.
        RecursionError: It is nested too deeply.
    """
    if len(memoryview(data)) <= _LARGE_BYTES:
        return _decoder(kind)(bytes(data))
    return run_in_turns(decode_in_steps(bytes(data), kind))


def decode_in_steps(data: bytes, kind: object = object, window_bytes: int = WINDOW_BYTES) -> Steps[object]:
    """Do what `decode_json` does, in steps of about a millisecond.

    One string is one step, however long it is, and so is a value whose type is not a list, a dict or a Struct of them.
    """
    scan = JsonScanner(data, window_bytes)
    value, end = yield from _Document(data, scan, window_bytes).value(scan.skip_space(0), kind, 0)
    if scan.skip_space(end) != len(data):
        raise msgspec.DecodeError(f"JSON is malformed: trailing characters (byte {end})")
    return value


class _Document:
    """One large JSON document."""

    def __init__(self, data: bytes, scan: JsonScanner, window_bytes: int) -> None:
        self._data = data
        self._scan = scan
        self._window_bytes = window_bytes
        # What the caller froze stays frozen.
        self._spares_collector = gc.isenabled() and not gc.get_freeze_count()

    def value(self, start: int, kind: object, depth: int) -> Steps[tuple[object, int]]:
        """Return the value that starts at a byte, and where it ends."""
        data = self._data
        first = data[start] if start < len(data) else 0
        inner = _container_types(kind, first)
        if inner is not None and depth < _MAX_DEPTH:
            return (yield from self._container(start, *inner, depth))
        if first == ord("{") and _is_struct(kind) and depth < _MAX_DEPTH:
            return (yield from self._struct(start, cast("type[msgspec.Struct]", kind), depth))
        end = yield from self._scan.end_of_value(start)
        return self._decoded(_decoder(kind), b"", start, end, b""), end

    def _container(
        self, start: int, kind: object, element: object, depth: int
    ) -> Steps[tuple[list[object] | dict[object, object], int]]:
        data = self._data
        closing = CLOSING[data[start]]
        found: list[object] | dict[object, object] = [] if closing == ord("]") else {}
        decode = _decoder(kind)
        position, misses = start + 1, 0
        while True:
            yield
            self._spare_collector()
            end = self._guess(position, found) if misses < _MAX_MISSES else None
            if end is not None:
                if self._add_guessed(found, decode, position, end):
                    position = end + 1
                    continue
                misses += 1
            end, is_last = self._scan.last_end(position)
            if end is not None:
                if is_last and data[end] != closing:
                    raise json_error("wrong bracket", end)
                is_blank = self._scan.skip_space(position, end) == end
                if is_blank and (not is_last or found):
                    raise json_error("expected a value", end)
                if not is_blank:
                    self._add(found, self._decoded(decode, data[start : start + 1], position, end, bytes((closing,))))
                position = end + 1
                if is_last:
                    return found, position
                continue
            at = self._scan.skip_space(position)
            if not found and data[at : at + 1] == bytes((closing,)):  # nothing but white space, longer than the window
                return found, at + 1
            # One element that is larger than the window.
            key, position = self._key(position) if isinstance(found, dict) else (None, self._scan.skip_space(position))
            one, position = yield from self.value(position, element, depth + 1)
            self._add(found, {key: one} if isinstance(found, dict) else [one])
            position = self._scan.skip_space(position)
            last = data[position] if position < len(data) else 0
            position += 1
            if last == closing:
                return found, position
            if last != COMMA:
                raise json_error("expected a comma or the closing bracket", position - 1)

    def _struct(self, start: int, kind: type[msgspec.Struct], depth: int) -> Steps[tuple[msgspec.Struct, int]]:
        """Decode a Struct without its large fields, then set those."""
        data = self._data
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        members: list[bytes] = []
        large: dict[str, object] = {}
        position, last = start + 1, 0
        while last != ord("}"):
            yield
            end, is_last = self._scan.last_end(position)
            if end is None:
                key, at = self._key(position)
                field = fields.get(cast("str", key))
                kind_of_field = object if field is None else field.type
                blank = _blank(kind_of_field, data[at])
                if blank is not None:
                    one, end = yield from self._field(at, kind_of_field, depth)
                    if field is not None:
                        large[field.name] = one
                        # The other fields are checked as usual, with a small value in place of this one.
                        members.append(data[position:at] + blank)
                else:
                    end = yield from self._scan.end_of_value(at)
                    members.append(data[position:end])
                end = self._scan.skip_space(end)
                is_last = data[end : end + 1] != b","
            else:
                members.append(data[position:end])
            last = data[end] if is_last and end < len(data) else 0
            if is_last and last != ord("}"):
                raise json_error("expected a comma or the closing bracket", end)
            position = end + 1
        try:
            found = cast("msgspec.Struct", _decoder(kind)(b"{" + b",".join(members) + b"}"))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _moved(error, start) from None
        for name, one in large.items():
            msgspec.structs.force_setattr(found, name, one)
        return found, position

    def _field(self, start: int, kind: object, depth: int) -> Steps[tuple[object, int]]:
        if kind is not msgspec.Raw:
            return (yield from self.value(start, kind, depth + 1))
        end = yield from self._scan.end_of_value(start)
        return msgspec.Raw(self._data[start:end]), end

    def _guess(self, position: int, found: object) -> int | None:
        """Return the position of a probable comma between two elements, about one window later."""
        data = self._data
        far = position + self._window_bytes
        if far + self._window_bytes >= len(data):
            return None
        first = self._scan.skip_space(position)
        if isinstance(found, dict):
            colon = data.find(b":", first, first + self._window_bytes)
            first = self._scan.skip_space(colon + 1) if colon >= 0 else first
        match = _BETWEEN.get(data[first], _BETWEEN_SCALARS).search(data, far, far + self._window_bytes)
        return None if match is None else match.start(1)

    def _add_guessed(
        self,
        found: list[object] | dict[object, object],
        decode: Callable[[bytes], object],
        start: int,
        end: int,
    ) -> bool:
        """Add the elements of a window if it is one; return whether it is."""
        opening, closing = (b"[", b"]") if isinstance(found, list) else (b"{", b"}")
        try:
            part = decode(opening + self._data[start:end] + closing)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return False
        if part:
            self._add(found, part)
        return bool(part)

    def _key(self, start: int) -> tuple[object, int]:
        data = self._data
        start = self._scan.skip_space(start)
        if start >= len(data) or data[start] != QUOTE:
            raise json_error("expected a key", start)
        end = self._scan.end_of_scalar(start)
        colon = self._scan.skip_space(end)
        if data[colon : colon + 1] != b":":
            raise json_error("expected ':'", colon)
        return self._decoded(_decoder(str), b"", start, end, b""), self._scan.skip_space(colon + 1)

    def _decoded(
        self, decode: Callable[[bytes], object], opening: bytes, start: int, end: int, closing: bytes
    ) -> object:
        try:
            return decode(opening + self._data[start:end] + closing)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _moved(error, start - len(opening)) from None

    def _add(self, found: list[object] | dict[object, object], part: object) -> None:
        if isinstance(found, dict):
            found.update(cast("dict[object, object]", part))
        else:
            found += cast("list[object]", part)

    def _spare_collector(self) -> None:
        # The garbage collector looks at every object of a growing result again and again, and keeps the interpreter
        # lock meanwhile: a tenth of a second for a million objects. Frozen and thawed, objects are in its oldest
        # generation, at no cost; the next full collection looks at them.
        if self._spares_collector:
            gc.freeze()
            gc.unfreeze()


def _container_types(kind: object, first: int) -> tuple[object, object] | None:
    """Return the type of a container that can be decoded in windows, and that of its elements."""
    if first not in CLOSING:
        return None
    wanted = list if first == ord("[") else dict
    if kind is object:
        return wanted, object
    if get_origin(kind) is not wanted:
        return None
    return kind, get_args(kind)[-1]


def _is_struct(kind: object) -> bool:
    if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
        return False
    config = kind.__struct_config__
    return not config.array_like and config.tag is None and not config.forbid_unknown_fields


def _blank(kind: object, first: int) -> bytes | None:
    """Return the smallest JSON of a container, in place of which the true value is set later; None for other types.

    Args:
        kind: Type of the value.
        first: The character that the value begins with.
    """
    if first not in CLOSING:
        return None
    if kind is msgspec.Raw or _container_types(kind, first) is not None:
        return b"[]" if first == ord("[") else b"{}"
    if first == ord("[") or not _is_struct(kind):
        return None
    members: list[bytes] = []
    for field in msgspec.structs.fields(cast("type[msgspec.Struct]", kind)):
        if field.required:
            blank = _blank(field.type, ord("[") if get_origin(field.type) is list else ord("{"))
            if blank is None:
                return None
            members.append(b'"%s":%s' % (field.encode_name.encode(), blank))
    return b"{" + b",".join(members) + b"}"


def _decoder(kind: object) -> Callable[[bytes], object]:
    if kind is object:
        return msgspec.json.decode
    return partial(msgspec.json.decode, type=kind, strict=False)


def _moved(error: Exception, offset: int) -> Exception:
    """Return an error in a window as an error in the document."""
    if not isinstance(error, msgspec.MsgspecError):
        return error
    # A path such as $[3].name would lead from the beginning of the window.
    text = re.sub(r" - at `\$.*$", f" (after byte {offset})", str(error)) if offset > 0 else str(error)
    text = re.sub(r"\(byte (\d+)\)", lambda match: f"(byte {int(match[1]) + offset})", text)
    return type(error)(text)
