"""Raw requests, with the same connection pool, credentials, retries and rate limits as the typed calls."""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypedDict, Unpack, cast, overload
from urllib.parse import parse_qsl, urlsplit

from mixpanel_async.actions._core.multipart import FileValue
from mixpanel_async.actions._core.params import (
    FieldValue,
    Id,
    check_choice,
    check_exclusive,
    check_mapping,
    check_number,
    check_switch,
    pairs,
    parsed_json,
)
from mixpanel_async.actions._core.raw_body import Content, named_files
from mixpanel_async.actions._core.raw_log import request_text
from mixpanel_async.actions._core.raw_retry import checked_timeout, retry_rule
from mixpanel_async.actions._core.raw_target import checked_target
from mixpanel_async.actions._core.reply_checks import is_blank
from mixpanel_async.actions._core.responses import read_off_loop, read_part
from mixpanel_async.auth import Credential, ProjectToken
from mixpanel_async.config import Server
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Reply, Request, Session
from mixpanel_async.session.messages import Family

ResponseType: TypeAlias = Literal["json", "text", "bytes", "binary"]
RequestFields: TypeAlias = Mapping[str, FieldValue]

_log = logging.getLogger("mixpanel_async.request")
_METHOD: Final = re.compile(r"[A-Za-z]+")
_MAPPINGS: Final = ("query", "params", "form", "headers", "files", "file_names")
_FIELDS: Final = frozenset({"query", "params", "form", "json"})  # may be given as JSON text
_SWITCHES: Final = ("is_multipart", "retry_on_all_errors", "exponential_backoff", "debug")
_FIRST_REDIRECT: Final = 300
_FIRST_ERROR: Final = 400
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
# Records carry their project token there: no credential is needed, and none is sent unless the caller gives one.
_WITHOUT_CREDENTIALS: Final = frozenset({"/track", "/engage", "/groups"})
_TAKE_PROJECT: Final = ("/api/query/", "/api/2.0/", "/import", "/lookup-tables", "/flags")
_TAKE_WORKSPACE: Final = ("/api/query/",)


class RequestOptions(TypedDict, total=False):
    """Options of a raw request; all are optional.

    Attributes:
        query: Query parameters; a list repeats its name, None omits it. Like `params`, `json` and `form`, it may be the
            JSON text of an object.
        params: The same as `query`.
        headers: More headers.
        json: Body: a value that is encoded as JSON.
        data: Body: bytes or text that is sent unchanged.
        form: Fields of a form: URL-encoded, or `multipart/form-data` with `files` or `is_multipart`.
        files: Files of a form by field name: bytes, `(file name, bytes)` or `(file name, bytes, media type)`.
        file_names: Names of the files by field name; replaces the names in `files`.
        is_multipart: Send `form` as `multipart/form-data` even without files.
        timeout_seconds: Timeout of each try.
        max_retries: Retries after the first try (default: the client's rule). A POST or PATCH is retried after an error
            that left it undone for certain; after others only with `retry_on_all_errors`.
        retry_delay_seconds: Delay before the first retry (default: 0 where another retry option is given; with
            `exponential_backoff` and without any of it: the client's rule). A Retry-After of the reply can lengthen it.
        retry_delay_ms: The same in milliseconds.
        retry_on_all_errors: Retry after every error, even where that may apply a change twice.
        exponential_backoff: Double the delay after each try; without a delay: 2 s, doubled to 60 s, with jitter.
        debug: Log the request without secrets, at level INFO of the logger `mixpanel_async.request`.
        auth: True: the client's credentials; False: none; or other credentials. Default: the client's, except for
            /track, /engage and /groups, which need none. Credentials are sent only to Mixpanel's servers of every
            region and to the client's base URL.
        server: The server of a path (default: chosen by the path).
        project_id: Project ID, for a path that takes one (default: the client's; not added if the request has one).
        workspace_id: Workspace ID, for a path that takes one (default: the client's; not added if the request has one).

    Example:
        ```python
        await mp.request("GET", "/api/app/me", timeout_seconds=10, max_retries=1)
        ```
    """

    query: RequestFields
    params: RequestFields
    headers: Mapping[str, str]
    json: JSONValue
    data: bytes | str
    form: RequestFields
    files: Mapping[str, FileValue]
    file_names: Mapping[str, str]
    is_multipart: bool
    timeout_seconds: float | None
    max_retries: int | None
    retry_delay_seconds: float | None
    retry_delay_ms: float | None
    retry_on_all_errors: bool
    exponential_backoff: bool
    debug: bool
    auth: Credential | bool
    server: Server
    project_id: Id | None
    workspace_id: Id | None


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
    session: Session,
    method: str,
    path_or_url: str,
    *,
    response: Literal["bytes", "binary"],
    **options: Unpack[RequestOptions],
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
        response: Type of the result: decoded JSON (None for an empty body; `http_status` and `location` of a redirect
            that was asked for), text, or bytes (`"binary"` is the same).
        **options: See `RequestOptions`.

    Raises:
        InvalidArgumentError: An option is unknown or of no use, or the options conflict.
        ApiError: Mixpanel refused the request.
        TransportError: No complete reply arrived.
        UnexpectedReplyError: The reply is not JSON, and `response` is "json".

    Reference: https://developer.mixpanel.com/reference/overview

    Example:
        ```python
        reply = await mp.request("GET", "/api/app/me")
        ```
    """
    check_response(response)
    built = build_request(method, path_or_url, options, session=session)
    return await read_off_loop(read_response, built, await send_request(session, built, options), response)


def check_response(response: ResponseType) -> None:
    """Refuse an unknown type of response before anything is sent.

    Raises:
        InvalidArgumentError: `response` is not one of json, text, bytes and binary.
    """
    check_choice("response", response, ResponseType)


async def send_request(session: Session, built: Request, options: RequestOptions) -> Reply:
    """Send a built request; log it if `options` ask for it."""
    if options.get("debug"):
        _log.info("%s", request_text(session, built))
    return await session.send(built)


def read_response(built: Request, reply: Reply, response: ResponseType) -> JSONValue:
    """Return a reply's body as JSON, text or bytes.

    Raises:
        UnexpectedReplyError: The reply is not JSON, and `response` is "json".
    """
    if response in {"bytes", "binary"}:
        return reply.body
    if response == "text":
        return reply.body.decode("utf-8", errors="replace")
    if _FIRST_REDIRECT <= reply.status < _FIRST_ERROR:
        return {"http_status": reply.status, "location": reply.headers.get("location")}
    return None if is_blank(reply.body) else read_part(built, reply, object, reply.body, "the reply")


def build_request(
    method: str,
    path_or_url: str,
    options: RequestOptions,
    *,
    session: Session | None = None,
    fields: Mapping[str, Id] | None = None,
) -> Request:
    """Return the request that the options describe.

    Args:
        method: HTTP method.
        path_or_url: A path, or a whole URL.
        options: The caller's options.
        session: Has the client's project, workspace and token.
        fields: Fields of a pipeline that the caller gave apart from the body; they go into the form, or else into the
            query.

    Raises:
        InvalidArgumentError: An option is unknown or of no use, or the options conflict.
    """
    unknown = options.keys() - RequestOptions.__annotations__
    if unknown:
        raise InvalidArgumentError(f"request: unknown option {', '.join(sorted(unknown))}; see RequestOptions")
    path_or_url = checked_target(path_or_url)
    options = _checked(method, options)
    content = _content_of(path_or_url, options, session, fields)
    body, content_type = content.encode()
    headers = _headers_of(options)
    if any(name.lower() == "content-type" for name in headers):
        content_type = None
    check_choice("server", options.get("server"), Server)
    server, family = _place_of(path_or_url)
    is_authorized, credential = _auth_of(path_or_url, options, session)
    return Request(
        operation=f"request {urlsplit(path_or_url).path or '/'}",
        method=method.upper(),
        server=options.get("server", server),
        path=path_or_url,
        query=pairs(content.query),
        headers=headers,
        body=body,
        content_type=content_type,
        is_authorized=is_authorized,
        # With `redirect=URL`, the ingestion endpoints answer with a redirect, which is then a success.
        is_redirect_wanted=content.names("redirect") or "redirect" in dict(parse_qsl(urlsplit(path_or_url).query)),
        credential=credential,
        family=family,
        timeout_seconds=checked_timeout(options.get("timeout_seconds")),
        retry=retry_rule(options),
    )


def _checked(method: str, options: RequestOptions) -> RequestOptions:
    """Return the options with JSON text of fields parsed.

    Raises:
        InvalidArgumentError: The method is none, or a value has a wrong type.
    """
    if not _METHOD.fullmatch(str(method)):
        raise InvalidArgumentError(f"method is invalid: {method!r} is not an HTTP method; give one such as GET or POST")
    parsed = {name: parsed_json(name, value) for name, value in options.items() if name in _FIELDS}
    found = cast("RequestOptions", {**options, **parsed})
    for name in _MAPPINGS:
        check_mapping(name, found.get(name))
    for name in _SWITCHES:
        check_switch(name, found.get(name))
    auth = found.get("auth")
    if auth is not None and not isinstance(auth, bool) and not hasattr(auth, "authorization"):
        raise InvalidArgumentError("auth is invalid: it is not a credential; give one such as ServiceAccount(...)")
    return found


def _content_of(
    path_or_url: str, options: RequestOptions, session: Session | None, fields: Mapping[str, Id] | None
) -> Content:
    check_exclusive(query=options.get("query"), params=options.get("params"))
    content = Content(
        query=options.get("query") or options.get("params") or {},
        json=options.get("json"),
        data=options.get("data"),
        form=options.get("form"),
        files=named_files(options.get("files"), options.get("file_names")),
        is_multipart=options.get("is_multipart", False),
    )
    url = urlsplit(path_or_url)
    in_url = dict(parse_qsl(url.query, keep_blank_values=True))
    # Only pipelines take the project as a field of their form.
    in_form = fields is not None or "/nessie/" in url.path
    for name, value in (fields or {}).items():
        content = content.with_field(name, value, in_url, in_form=in_form)
    is_ours = session is None or session.is_own(path_or_url)
    takes: Mapping[str, Sequence[str]] = {"project_id": _TAKE_PROJECT, "workspace_id": _TAKE_WORKSPACE}
    scopes: Sequence[tuple[str, Id | None, Id | None]] = (
        ("project_id", options.get("project_id"), None if session is None else session.project_id),
        ("workspace_id", options.get("workspace_id"), None if session is None else session.workspace_id),
    )
    for name, given, default in scopes:
        check_number(name, given)
        is_taken = is_ours and f"{url.path}/".startswith(tuple(takes[name]))
        if given is not None and not is_taken:
            raise InvalidArgumentError(
                f"{name} is invalid: {url.path or path_or_url} takes none as a parameter; write it where the request "
                "needs it, or omit it"
            )
        scope = default if given is None else given
        if scope is not None and is_taken:
            content = content.with_field(name, scope, in_url, in_form=in_form, is_default=given is None)
    return content


def _auth_of(path_or_url: str, options: RequestOptions, session: Session | None) -> tuple[bool, Credential | None]:
    """Return whether credentials are sent, and those that replace the client's."""
    auth = options.get("auth")
    path = urlsplit(path_or_url).path.rstrip("/")
    if auth is True and session is not None and not session.is_own(path_or_url):
        raise InvalidArgumentError(
            "auth is invalid: only Mixpanel's servers (over https) and the client's base URL get the credentials; omit "
            "auth, or set the header Authorization"
        )
    if auth is None:
        auth = path not in _WITHOUT_CREDENTIALS
    if not isinstance(auth, bool):
        return True, auth
    # As every import of this client: the token is the credential where there is no other.
    is_by_token = auth and path == "/import" and session is not None and session.token and not session.has_credentials
    return auth, ProjectToken(session.token) if is_by_token and session is not None and session.token else None


def _headers_of(options: RequestOptions) -> dict[str, str]:
    headers = dict(options.get("headers") or {})
    for name, value in headers.items():
        if not (name.isprintable() and value.isprintable()):
            raise InvalidArgumentError(f"header {name!r} is invalid: it must not contain control characters")
    return headers


def _place_of(path_or_url: str) -> tuple[Server, Family]:
    path = urlsplit(path_or_url).path or "/"
    if path.startswith("/api/app/projects/") and "/schemas" in path:
        return "app", "schemas"
    return next((server, family) for start, server, family in _PLACES if path.startswith(start) or start == "/")
