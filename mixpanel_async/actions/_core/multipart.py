"""Encodes forms with files as `multipart/form-data`."""

import secrets
from collections.abc import Mapping
from typing import Final, TypeAlias

from mixpanel_async.actions._core.params import FieldValue, pairs
from mixpanel_async.errors import InvalidArgumentError

FileValue: TypeAlias = bytes | tuple[str, bytes] | tuple[str, bytes, str]
_BINARY: Final = "application/octet-stream"


def encode_multipart(form: Mapping[str, FieldValue], files: Mapping[str, FileValue]) -> tuple[bytes, str]:
    """Return the body of a form with files, and its media type.

    Args:
        form: Plain fields.
        files: Each file by its field name: bytes (the file is named after the field), `(file name, bytes)` or
            `(file name, bytes, media type)`.

    Raises:
        InvalidArgumentError: A file has another form, or a media type contains a line break.
    """
    boundary = secrets.token_hex(16)
    parts: list[tuple[str, str | None, bytes]]
    parts = [(f'form-data; name="{_quoted(name)}"', None, value.encode()) for name, value in pairs(form)]
    parts += [_file_part(name, value) for name, value in files.items()]
    lines: list[bytes] = []
    for disposition, media_type, content in parts:
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
        head += f"Content-Type: {media_type}\r\n" if media_type else ""
        lines += [head.encode(), b"\r\n", content, b"\r\n"]
    lines.append(f"--{boundary}--\r\n".encode())
    return b"".join(lines), f"multipart/form-data; boundary={boundary}"


def _file_part(name: str, value: FileValue) -> tuple[str, str | None, bytes]:
    match value:
        case bytes():
            file_name, content, media_type = name, value, _BINARY
        case (str() as file_name, bytes() as content):
            media_type = _BINARY
        case (str() as file_name, bytes() as content, str() as media_type):
            if "\r" in media_type or "\n" in media_type:
                raise InvalidArgumentError(
                    f"files[{name!r}] is invalid: its media type contains a line break; remove it"
                )
        case _:
            raise InvalidArgumentError(
                f"files[{name!r}] is invalid: give bytes, (file name, bytes) or (file name, bytes, media type)"
            )
    return f'form-data; name="{_quoted(name)}"; filename="{_quoted(file_name)}"', media_type, content


def _quoted(text: str) -> str:
    # What browsers send (WHATWG HTML, "multipart/form-data encoding algorithm"): a backslash stays as it is.
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
