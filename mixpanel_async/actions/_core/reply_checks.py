"""Replies that are not an answer: an error in the body, another status, nothing, HTML, text."""

import re
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from mixpanel_async.errors import BadRequestError, UnexpectedReplyError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.redaction import printable
from mixpanel_async.session import Reply, Request

ANSWERED: Final = frozenset({200, 201})
NOWHERE: Final[frozenset[int]] = frozenset()
MAX_PROBED_BYTES: Final = 64 * 1024  # an error is not larger; a large reply is not decoded twice
_MAX_MESSAGE_CHARACTERS: Final = 1000
_MAX_SHOWN_BYTES: Final = 200
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_FAILED: Final = frozenset({"error", "fail", "failed", "0", "false"})
_WORDS: Final = ("message", "error", "detail", "details", "reason")
_HTML: Final = re.compile(rb"<!doctype\s+html|<html|<head|<body|<title", re.IGNORECASE)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[^`]+)`(?: - at `\$\.?(?P<place>[^`]*)`)?")


class _Probe(msgspec.Struct, frozen=True):
    error: JSONValue = None
    status: JSONValue = None
    message: JSONValue = None


def check_reply(
    request: Request, reply: Reply, *, empty_at: Collection[int] = NOWHERE, are_keys_names: bool = False
) -> None:
    """Refuse a reply that is not an answer, whatever the call.

    Args:
        request: What was sent.
        reply: What came back.
        empty_at: Statuses at which the reference documents a reply without a body.
        are_keys_names: Whether the keys of an answer are names that users choose. An object below `error` is data then.

    Raises:
        BadRequestError: The body is an error; the message is the server's.
        UnexpectedReplyError: The status is not documented, or the body is empty, null or HTML.
    """
    said = error_text(reply.body, are_keys_names=are_keys_names)
    if said is not None:
        raise BadRequestError(said, status=reply.status, operation=request.operation)
    check_status(request, reply.status, empty_at)
    if is_blank(reply.body) and reply.status in empty_at:
        return
    found = odd_body(reply.body)
    if found is not None:
        raise UnexpectedReplyError(found, status=reply.status, operation=request.operation)


def check_status(request: Request, status: int, more: Collection[int] = NOWHERE) -> None:
    """Refuse a 2xx that the operation does not document, such as 202, 204 and 206.

    Args:
        request: What was sent.
        status: HTTP status of the reply.
        more: Statuses that the operation documents beside 200 and 201.

    Raises:
        UnexpectedReplyError: The status is none of them.
    """
    if status not in ANSWERED and status not in more:
        raise UnexpectedReplyError(
            f"the reply has status {status}, which is not documented for this operation; it is not known whether the "
            "request was carried out",
            status=status,
            operation=request.operation,
        )


def error_text(body: bytes, *, are_keys_names: bool = False) -> str | None:
    """Return what the server says is wrong if a body is an error; None if it is none, or larger than an error is.

    Args:
        body: The body of a reply with a good status.
        are_keys_names: Whether an object below `error` is data.
    """
    if len(body) > MAX_PROBED_BYTES or not body.lstrip().startswith(b"{"):
        return None
    try:
        found = msgspec.json.decode(body, type=_Probe)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    is_error = isinstance(found.error, str if are_keys_names else str | Mapping) and bool(found.error)
    if not is_error and not _is_failure(found.status):
        return None
    said = _words(found.error) or _words(found.message) or f"the reply says only: status {found.status!r}"
    return printable(said[:_MAX_MESSAGE_CHARACTERS])


def odd_body(body: bytes) -> str | None:
    """Return what a body is if it is empty, null or HTML; None otherwise."""
    if is_blank(body):
        return "the reply is empty"
    start = body[:MAX_PROBED_BYTES].removeprefix(_BYTE_ORDER_MARK).strip()
    if start == b"null":
        return "the reply is null"
    if start.startswith(b"<") and _HTML.search(start):
        return f"the reply is HTML, perhaps of a login page or a proxy; it begins {beginning_of(body)}"
    return None


def decoding_problem(error: Exception, body: bytes, what: str) -> str:
    """Return why a body, or a part of it, could not be decoded.

    Args:
        error: The error of the decoder.
        body: The JSON.
        what: What the JSON is, for example "the reply".
    """
    if not isinstance(error, msgspec.ValidationError):
        return f"{what} is not JSON: {error}; it begins {beginning_of(body)}"
    missing = _MISSING.match(str(error))
    if missing is None:
        return f"{what} has an unexpected form: {error}; it begins {beginning_of(body)}"
    place = f" in `{missing['place']}`" if missing["place"] else ""
    verb = "has" if place else "is"
    return f"{what} {verb} an object without `{missing['name']}`{place}; it begins {beginning_of(body)}"


def beginning_of(body: bytes) -> str:
    """Return the beginning of a body, quoted for a message."""
    return repr(body[:_MAX_SHOWN_BYTES].decode("utf-8", errors="replace"))


def is_blank(body: bytes) -> bool:
    """Return whether a body has nothing but white space."""
    return not body or body.isspace()


def _is_failure(status: JSONValue) -> bool:
    if isinstance(status, bool | int | float):
        return status == 0
    return isinstance(status, str) and status.strip().casefold() in _FAILED


def _words(value: JSONValue) -> str:
    """Return the text of an error, which may be an object with the text inside."""
    if isinstance(value, str):
        return value.strip()
    if not isinstance(value, Mapping) or not value:
        return ""
    found = next((_words(value[name]) for name in _WORDS if _words(value.get(name))), "")
    return found or msgspec.json.encode(value).decode()
