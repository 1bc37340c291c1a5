"""Pipelines of any kind, including kinds without a Struct."""

from collections.abc import Collection, Mapping
from typing import Final, Unpack

from mixpanel_async.actions._core.reply_checks import NOWHERE, check_reply
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import read_off_loop
from mixpanel_async.actions.raw_request import (
    RequestOptions,
    ResponseType,
    build_request,
    check_response,
    read_response,
    send_request,
)
from mixpanel_async.errors import MissingCredentialsError, UnexpectedReplyError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Reply, Request

ROOT: Final = "/api/2.0"


class GenericPipelines(Resource):
    """Pipelines of any kind, created and changed with fields that the caller chooses."""

    async def create_generic(
        self,
        *,
        url: str = "/nessie/pipeline/create",
        method: str = "POST",
        response: ResponseType = "json",
        **options: Unpack[RequestOptions],
    ) -> JSONValue:
        """Create a pipeline of any kind from form fields and return the reply.

        Args:
            url: Path below `/api/2.0` of the data server, or a whole URL.
            method: HTTP method.
            response: Type of the result: decoded JSON, text, or bytes (`"binary"` is the same).
            **options: Options of `request()`; `form` has the pipeline's fields. `project_id` (default: the client's)
                is added to the form, or with `json` or `data` to the query.

        Raises:
            InvalidArgumentError: An option is unknown, or the options conflict.
            MissingCredentialsError: The credentials need a project_id, and there is none.
            ApiError: Mixpanel refused the request.
            UnexpectedReplyError: The reply is empty or HTML, or has another status than 200 and 201.

        Reference: https://developer.mixpanel.com/reference/create-warehouse-pipeline

        Example:
            ```python
            fields = {"type": "gcs-raw", "trial": True, "gcs_bucket": "exports", "gcs_region": "us-east1"}
            reply = await mp.pipelines.create_generic(form={**fields, "project_id": 1})
            ```
        """
        check_response(response)
        request = self._build("create_generic", method, url, options, {})
        return await read_off_loop(_read, request, await send_request(self._session, request, options), response)

    async def edit_generic(
        self,
        name: str | None = None,
        *,
        url: str = "/nessie/pipeline/edit",
        method: str = "POST",
        response: ResponseType = "json",
        **options: Unpack[RequestOptions],
    ) -> JSONValue:
        """Change a pipeline of any kind with form fields and return the reply.

        Args:
            name: Name of the pipeline; added to the form, or with `json` or `data` to the query.
            url: Path below `/api/2.0` of the data server, or a whole URL.
            method: HTTP method.
            response: Type of the result: decoded JSON, text, or bytes (`"binary"` is the same).
            **options: Options of `request()`; `form` has the fields to change. `project_id` is added as in
                `create_generic`.

        Raises:
            InvalidArgumentError: An option is unknown, or the options conflict.
            MissingCredentialsError: The credentials need a project_id, and there is none.
            ApiError: Mixpanel refused the request.
            UnexpectedReplyError: The reply is empty or HTML, or has another status than 200 and 201.

        Reference: https://developer.mixpanel.com/reference/edit-warehouse-pipeline

        Example:
            ```python
            await mp.pipelines.edit_generic("trial-events-daily", form={"project_id": 1, "events": ["Signed Up"]})
            ```
        """
        check_response(response)
        request = self._build("edit_generic", method, url, options, {} if name is None else {"name": name})
        reply = await send_request(self._session, request, options)
        return await read_off_loop(_read, request, reply, response, empty_at={200})

    def _build(
        self, operation: str, method: str, url: str, options: RequestOptions, fields: Mapping[str, str]
    ) -> Request:
        """Return the request; without a body, `fields` and the project go into a form.

        Raises:
            MissingCredentialsError: The credentials need a project, and there is none.
            InvalidArgumentError: The options conflict.
        """
        if all(options.get(body) is None for body in ("json", "data", "form")) and method.upper() != "GET":
            options["form"] = {}
        request = build_request(method, _whole(url), options, session=self._session, fields=fields)
        auth = options.get("auth")
        needs_project = auth is not False and self._session.needs_project(None if isinstance(auth, bool) else auth)
        if needs_project and options.get("project_id") is None and not _names_project(url, options):
            raise MissingCredentialsError(
                f"pipelines.{operation} needs a project_id; give one to the client, the call or the fields"
            )
        return request


def _read(request: Request, reply: Reply, response: ResponseType, *, empty_at: Collection[int] = NOWHERE) -> JSONValue:
    check_reply(request, reply, empty_at=empty_at)
    if reply.body.strip() in {b"{}", b"[]"}:
        raise UnexpectedReplyError(
            "the reply is an empty object or array", status=reply.status, operation=request.operation
        )
    return read_response(request, reply, response)


def _names_project(url: str, options: RequestOptions) -> bool:
    """Return whether a request says which project it is about, as far as that can be seen."""
    if options.get("data") is not None or "project_id=" in url:
        return True
    places = (options.get("query"), options.get("params"), options.get("form"), options.get("json"))
    return any("project_id" in place for place in places if isinstance(place, Mapping))


def _whole(url: str) -> str:
    return url if url.lower().startswith(("http://", "https://", f"{ROOT}/")) else f"{ROOT}/{url.lstrip('/')}"
