"""What commands read: files, standard input, JSON, and fields as NAME=VALUE."""

import pathlib
from collections.abc import Sequence

import msgspec

from mixpanel_async import remote
from mixpanel_async.cli.options.mapping import read_pairs
from mixpanel_async.errors import InvalidSettingError, SourceError
from mixpanel_async.jobs.sources.locations import standard_input
from mixpanel_async.models import JSONValue
from mixpanel_async.redaction import is_remote, shown

STDIN = "-"
_FROM_FILE = "@"


def read_input(path: str) -> bytes:
    """Return the content of a file, at a path or an address, or of standard input for `-`.

    Raises:
        SourceError: It cannot be read.
    """
    if is_remote(path):
        return remote.read_object(path)
    try:
        return standard_input().read() if path == STDIN else pathlib.Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from None


def read_text_input(path: str) -> str:
    """Return the content of a file of UTF-8, or of standard input for `-`.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        return read_input(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{shown(path)} is not UTF-8, at byte {error.start:,}") from None


def given_bytes(text: str) -> bytes:
    """Return an option's value, or with `@FILE` the file's content (`@-`: standard input).

    Raises:
        SourceError: The file cannot be read.
    """
    if text.startswith(_FROM_FILE):
        return read_input(text.removeprefix(_FROM_FILE))
    return text.encode("utf-8", errors="surrogateescape")


def given_json(name: str, text: str | None) -> JSONValue:
    """Return an option's value as JSON, or with `@FILE` the file's (`@-`: standard input); None stays None.

    Args:
        name: Of the option, for the error.
        text: The value.

    Raises:
        InvalidSettingError: It is no JSON.
        SourceError: The file cannot be read.
    """
    if text is None:
        return None
    try:
        return msgspec.json.decode(given_bytes(text))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        where = f" in {shown(text.removeprefix(_FROM_FILE))}" if text.startswith(_FROM_FILE) else ""
        raise InvalidSettingError(f"{name} needs JSON, or @FILE with JSON; the JSON{where} is wrong: {error}") from None


def given_fields(name: str, texts: Sequence[str] | None) -> dict[str, str | list[str]]:
    """Return values such as NAME=VALUE by name; a name that is there more than once has a list.

    Args:
        name: Of the option, for the error.
        texts: Its values.

    Raises:
        InvalidSettingError: One has no equals sign.
    """
    fields: dict[str, str | list[str]] = {}
    for text in texts or ():
        for field, value in (read_pairs(name, [text]) or {}).items():
            earlier = fields.get(field)
            if earlier is None:
                fields[field] = value
            else:
                fields[field] = [*([earlier] if isinstance(earlier, str) else earlier), value]
    return fields
