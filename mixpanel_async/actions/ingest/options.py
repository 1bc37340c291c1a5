"""Options of the calls of the ingestion endpoints without batching."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, TypedDict, cast

from mixpanel_async.actions._core.params import Id, check_choice, check_number
from mixpanel_async.auth import Credential
from mixpanel_async.config import ForeignToken
from mixpanel_async.errors import InvalidArgumentError

Switch: TypeAlias = bool | Literal[0, 1]
SWITCHES: Final = ("verbose", "ip", "img", "strict", "gzip")


class IngestOptions(TypedDict, total=False):
    """Options of a request to /track, /engage or /groups; all are optional.

    Attributes:
        verbose: Ask for a reply with status and error (default: True); without it the reply is 1 or 0.
        ip: Let Mixpanel use the IP address of this machine for the location; not for servers.
        img: Ask for an image of one pixel; it is the reply's `image`.
        redirect: Ask for a redirect to this URL; it is the reply's `location`.
        callback: Ask for a call of this JavaScript function with the reply; it is the reply's `text`.
        strict: Ask for an error for each record that fails validation.
        gzip: Compress the body (default: False).
        token: Project token of the records (default: the client's; records may have their own if the client has none).
        foreign_token: What becomes of a record with another token: `"replace"`, `"reject"` or `"keep"` (default: what
            the client's settings say).
        credential: Credentials to send, for example `ProjectToken(...)` (default: none; the records' token is enough).
        timeout_seconds: Timeout of each try.

    Example:
        ```python
        event = {"event": "Opened", "properties": {"distinct_id": "user-1"}}
        reply = await mp.ingest.track([event], ip=True, verbose=True)
        ```
    """

    verbose: Switch | None
    ip: Switch | None
    img: Switch | None
    redirect: str | None
    callback: str | None
    strict: Switch | None
    gzip: Switch | None
    token: str | None
    foreign_token: ForeignToken | None
    credential: Credential | None
    timeout_seconds: float | None


class ImportOptions(TypedDict, total=False):
    """Options of a request to /import; all are optional.

    Attributes:
        strict: Validate each event, and report those that fail (default: True).
        gzip: Compress the body (default: False).
        project_id: Project ID (default: the client's); service accounts need one.
        credential: Replaces the client's credentials, for example `ProjectToken(...)`.
        token: Project token (default: the client's); the credential where there is no other.
        foreign_token: What becomes of an event with another token: `"replace"` or `"reject"` (default: what the
            client's settings say); the credential names the project.
        timeout_seconds: Timeout of each try.

    Example:
        ```python
        event = {"event": "Paid", "properties": {"distinct_id": "u", "time": 1700000000, "$insert_id": "paid-1"}}
        reply = await mp.ingest.import_([event], gzip=True)
        ```
    """

    strict: Switch | None
    gzip: Switch | None
    project_id: Id | None
    credential: Credential | None
    token: str | None
    foreign_token: ForeignToken | None
    timeout_seconds: float | None


def check_options(operation: str, options: Mapping[str, object], known: type[Mapping[str, object]]) -> None:
    """Refuse unknown options and values.

    Args:
        operation: The call, for the error.
        options: The caller's options.
        known: `IngestOptions` or `ImportOptions`.

    Raises:
        InvalidArgumentError: An option or its value is unknown.
    """
    unknown = options.keys() - known.__annotations__
    if unknown:
        raise InvalidArgumentError(f"{operation}: unknown option {', '.join(sorted(unknown))}; see {known.__name__}")
    for name in SWITCHES:
        value = options.get(name)
        if value is not None and not (isinstance(value, int) and value in {0, 1}):
            raise InvalidArgumentError(f"{name} is invalid: {value!r} is not True or False")
    check_number("project_id", options.get("project_id"))
    token = options.get("token")
    if token is not None and not (isinstance(token, str) and token):
        raise InvalidArgumentError("token is invalid: it is not a project token; give one, or omit it")
    for name in ("redirect", "callback"):
        value = options.get(name)
        if value is not None and not (isinstance(value, str) and value and value.isprintable()):
            raise InvalidArgumentError(f"{name} is invalid: {value!r} is not text; give a URL or a name")
    check_choice("foreign_token", options.get("foreign_token"), ForeignToken)
    if known is ImportOptions and options.get("foreign_token") == "keep":
        raise InvalidArgumentError(
            'foreign_token is invalid: "keep" does not work with /import, which delivers to the project of the '
            "credential; choose replace or reject"
        )


def switch(value: object) -> int | None:
    """Return an option that is on or off as Mixpanel writes it: 1 or 0; None stays None."""
    return None if value is None else int(cast("bool", value))
