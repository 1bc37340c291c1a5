"""Input of commands: @FILE, - for standard input, JSON, and NAME=VALUE."""

import pathlib
from collections.abc import Sequence

import msgspec

from mixpanel_async import remote
from mixpanel_async.cli.options.mapping import read_pairs
from mixpanel_async.errors import InvalidArgumentError, SourceError
from mixpanel_async.jobs.sources.locations import STDIN, standard_input
from mixpanel_async.json_types import JSONValue
from mixpanel_async.redaction import is_remote, shown

_FROM_FILE = "@"


def read_input(path: str) -> bytes:
    """Return the content of a file at a path or URL, or of standard input for `-`.

    Raises:
        SourceError: The file cannot be read.
    """
    if is_remote(path):
        return remote.read_object(path)
    try:
        return standard_input().read() if path == STDIN else pathlib.Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from None


def read_text_input(path: str) -> str:
    """Return the content of a UTF-8 file, or of standard input for `-`.

    Raises:
        SourceError: The file cannot be read, or is not UTF-8.
    """
    try:
        return read_input(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{shown(path)}: invalid UTF-8 at byte {error.start + 1:,}") from None


def given_bytes(text: str) -> bytes:
    """Return the value of an option, or for `@FILE` the content of the file (`@-`: standard input).

    Raises:
        SourceError: The file cannot be read.
    """
    if text.startswith(_FROM_FILE):
        return read_input(text.removeprefix(_FROM_FILE))
    return text.encode("utf-8", errors="surrogateescape")


def given_json(name: str, text: str | None) -> JSONValue:
    """Return the JSON value of an option, or for `@FILE` of the file (`@-`: standard input); None stays None.

    Args:
        name: Name of the option, for errors.
        text: Value of the option.

    Raises:
        InvalidArgumentError: The text is not JSON.
        SourceError: The file cannot be read.
    """
    if text is None:
        return None
    try:
        return msgspec.json.decode(given_bytes(text))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        where = f" in {shown(text.removeprefix(_FROM_FILE))}" if text.startswith(_FROM_FILE) else ""
        reason = str(error).removeprefix("JSON is malformed: ")
        raise InvalidArgumentError(
            f"{name} is invalid: the JSON{where} is malformed: {reason}; give JSON, or @FILE"
        ) from None


def given_names(name: str, texts: Sequence[str]) -> Sequence[str]:
    """Return names, which may also be given as one JSON array of them, or for `@FILE` as that of the file.

    Raises:
        InvalidArgumentError: The text is JSON, and no array of names.
        SourceError: The file cannot be read.
    """
    if len(texts) != 1 or not texts[0].lstrip().startswith(('["', "[]", "{", _FROM_FILE)):
        return texts
    found = given_json(name, texts[0])
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        raise InvalidArgumentError(f'{name} is invalid: the JSON is no list of names; give names, or ["a", "b"]')
    return [str(one) for one in found]


def given_fields(name: str, texts: Sequence[str] | None) -> dict[str, str | list[str]]:
    """Return values such as NAME=VALUE by name; a repeated name gets a list.

    Args:
        name: Name of the option, for errors.
        texts: Values of the option.

    Raises:
        InvalidArgumentError: A value has no equals sign.
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
