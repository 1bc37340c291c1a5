"""Raw requests, with the same connection pool, credentials, retries and rate limits as the typed calls."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypedDict, Unpack, cast, overload
from urllib.parse import urlsplit

from mixpanel_async.actions._core.multipart import FileValue, encode_multipart
from mixpanel_async.actions._core.params import FieldValue, form_body, json_text, pairs
from mixpanel_async.actions._core.resource import FORM, JSON
from mixpanel_async.actions._core.responses import read_json, read_off_loop
from mixpanel_async.auth import Credential
from mixpanel_async.config import Server
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.models import JSONValue
from mixpanel_async.redaction import REDACTED
from mixpanel_async.session import Reply, Request, RetryRule, Session
from mixpanel_async.session.messages import Family

ResponseType: TypeAlias = Literal["json", "text", "bytes"]
RequestFields: TypeAlias = Mapping[str, FieldValue]

_log = logging.getLogger("mixpanel_async.request")
_SHOWN_HEADERS: Final = frozenset({"accept", "accept-encoding", "content-encoding", "content-type", "user-agent"})
# The first prefix of the path decides; the last one is a prefix of every path.
_PLACES: Final[Sequence[tuple[str, Server, Family]]] = (
    ("/api/query", "query", "query"),
    ("/api/2.0/export", "data", "export"),
    ("/api/2.0", "data", "app"),
    ("/api/app/data-retrievals", "app", "gdpr"),
    ("/api/app/data-deletions", "app", "gdpr"),
    ("/api/app", "app", "app"),
    ("/", "ingestion", "ingestion"),
)


class RequestOptions(TypedDict, total=False):
    """Options of a raw request; all are optional.

    Attributes:
        query: Query parameters; a list repeats its name, None omits it.
        headers: More headers.
        json: Body: a value that is encoded as JSON.
        data: Body: bytes or text that is sent unchanged.
        form: Fields of a form: URL-encoded, or `multipart/form-data` with `files` or `is_multipart`.
        files: Files of a form by field name: bytes, `(file name, bytes)` or `(file name, bytes, media type)`.
        is_multipart: Send `form` as `multipart/form-data` even without files.
        timeout_seconds: Timeout of each try.
        max_retries: Retries after the first try (default: the client's rule).
        retry_delay_seconds: Delay before the first retry.
        retry_on_all_errors: Retry after every error, even where that may apply a change twice.
        exponential_backoff: Double the delay after each try.
        debug: Log the request without secrets, at level INFO of the logger `mixpanel_async.request`.
        auth: True (default): the client's credentials; False: none; or other credentials. Credentials are sent only to
            Mixpanel's servers and to the client's base URL.
        server: The server of a path (default: chosen by the path).

    Example:
        ```python
        await mp.request("GET", "/api/app/me", timeout_seconds=10, max_retries=1)
        ```
    """

    query: RequestFields
    headers: Mapping[str, str]
    json: JSONValue
    data: bytes | str
    form: RequestFields
    files: Mapping[str, FileValue]
    is_multipart: bool
    timeout_seconds: float | None
    max_retries: int | None
    retry_delay_seconds: float | None
    retry_on_all_errors: bool
    exponential_backoff: bool
    debug: bool
    auth: Credential | bool
    server: Server


@overload
async def request(
    session: Session,
    method: str,
    path_or_url: str,
    *,
    response: Literal["json"] = "json",
    **options: Unpack[RequestOptions],
) -> JSONValue: ...


@overload
async def request(
    session: Session, method: str, path_or_url: str, *, response: Literal["text"], **options: Unpack[RequestOptions]
) -> str: ...


@overload
async def request(
    session: Session, method: str, path_or_url: str, *, response: Literal["bytes"], **options: Unpack[RequestOptions]
) -> bytes: ...


async def request(
    session: Session,
    method: str,
    path_or_url: str,
    *,
    response: ResponseType = "json",
    **options: Unpack[RequestOptions],
) -> JSONValue:
    """Send any request and return its reply.

    Args:
        session: Sends the request.
        method: HTTP method.
        path_or_url: A path such as `/api/app/me`, or a whole URL.
        response: Type of the result: decoded JSON (None for an empty body), text or bytes.
        **options: See `RequestOptions`.

    Raises:
        InvalidArgumentError: An option is unknown, or the options conflict.
        ApiError: Mixpanel refused the request.
        TransportError: No complete reply arrived.
        UnexpectedReplyError: The reply is not JSON, and `response` is "json".

    Reference: https://developer.mixpanel.com/reference/overview

    Example:
        ```python
        reply = await mp.request("GET", "/api/app/me")
        ```
    """
    if response not in {"json", "text", "bytes"}:
        raise InvalidArgumentError(
            f"response is invalid: {response!r} is not a type of response; choose json, text or bytes"
        )
    built = build_request(method, path_or_url, options)
    return await read_off_loop(read_response, built, await send_request(session, built, options), response)


async def send_request(session: Session, built: Request, options: RequestOptions) -> Reply:
    """Send a built request; log it if `options` ask for it."""
    if options.get("debug"):
        _show(session, built)
    return await session.send(built)


def read_response(built: Request, reply: Reply, response: ResponseType) -> JSONValue:
    """Return a reply's body as JSON, text or bytes.

    Raises:
        UnexpectedReplyError: The reply is not JSON, and `response` is "json".
    """
    if response == "bytes":
        return reply.body
    if response == "text":
        return reply.body.decode("utf-8", errors="replace")
    return read_json(built, reply, object) if reply.body and not reply.body.isspace() else None


def build_request(method: str, path_or_url: str, options: RequestOptions) -> Request:
    """Return the request that the options describe.

    Raises:
        InvalidArgumentError: An option is unknown, or the options conflict.
    """
    unknown = options.keys() - RequestOptions.__annotations__
    if unknown:
        raise InvalidArgumentError(f"request: unknown option {', '.join(sorted(unknown))}; see RequestOptions")
    body, content_type = _body_of(options)
    headers = dict(options.get("headers") or {})
    for name, value in headers.items():
        if not (name.isprintable() and value.isprintable()):
            raise InvalidArgumentError(f"header {name!r} is invalid: it must not contain control characters")
    if any(name.lower() == "content-type" for name in headers):
        content_type = None
    auth = options.get("auth", True)
    server, family = _place_of(path_or_url)
    return Request(
        operation=f"request {urlsplit(path_or_url).path or '/'}",
        method=method.upper(),
        server=options.get("server", server),
        path=path_or_url,
        query=pairs(options.get("query") or {}),
        headers=headers,
        body=body,
        content_type=content_type,
        is_authorized=auth is not False,
        # With `redirect=URL`, the ingestion endpoints answer with a redirect, which is then a success.
        is_redirect_wanted="redirect" in (options.get("query") or {}),
        credential=None if isinstance(auth, bool) else auth,
        family=family,
        timeout_seconds=options.get("timeout_seconds"),
        retry=_retry_of(options),
    )


def _place_of(path_or_url: str) -> tuple[Server, Family]:
    path = urlsplit(path_or_url).path or "/"
    if path.startswith("/api/app/projects/") and "/schemas" in path:
        return "app", "schemas"
    return next((server, family) for start, server, family in _PLACES if path.startswith(start) or start == "/")


def _retry_of(options: RequestOptions) -> RetryRule | None:
    names = ("max_retries", "retry_delay_seconds", "retry_on_all_errors", "exponential_backoff")
    if all(options.get(name) is None for name in names):
        return None
    max_retries, delay = options.get("max_retries"), options.get("retry_delay_seconds")
    for name, value in (("max_retries", max_retries), ("retry_delay_seconds", delay)):
        if value is not None and value < 0:
            raise InvalidArgumentError(f"{name} is invalid: {value!r} is below 0; give 0 or more")
    return RetryRule(
        max_retries=RetryRule().max_retries if max_retries is None else max_retries,
        first_seconds=delay,
        is_exponential=options.get("exponential_backoff", False),
        on_all_errors=options.get("retry_on_all_errors", False),
    )


def _body_of(options: RequestOptions) -> tuple[bytes | None, str | None]:
    given = [name for name in ("json", "data", "form") if cast("Mapping[str, object]", options).get(name) is not None]
    files = options.get("files")
    if len(given) > 1:
        raise InvalidArgumentError(f"{' and '.join(given)} exclude each other; give one of them")
    if files and given not in ([], ["form"]):
        raise InvalidArgumentError(f"files and {given[0]} exclude each other; give the other fields in form")
    form = options.get("form")
    if files or (form is not None and options.get("is_multipart")):
        return encode_multipart(form or {}, files or {})
    if form is not None:
        return form_body(form), FORM
    data = options.get("data")
    if data is not None:
        return (data.encode() if isinstance(data, str) else data), None
    return (json_text(options["json"]).encode(), JSON) if given else (None, None)


def _show(session: Session, built: Request) -> None:
    """Log the request; values that can be secret are replaced."""
    query = ", ".join(f"{name}={REDACTED}" for name, _ in built.query) or "none"
    headers = {n: v if n.lower() in _SHOWN_HEADERS else REDACTED for n, v in built.headers.items()}
    where = (
        built.path.partition("?")[0]
        if built.path.startswith("http")
        else f"{built.server}:{built.path.partition('?')[0]}"
    )
    _log.info(
        "%s %s; query: %s; headers: %s; body: %d bytes of %s",
        built.method,
        session.redacted(where),
        session.redacted(query),
        session.redacted(str(headers)),
        len(built.body or b""),
        built.content_type or "no media type",
    )
