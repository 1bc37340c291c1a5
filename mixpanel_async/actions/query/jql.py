"""JQL of the Query API: scripts that Mixpanel runs."""

# ruff: noqa: A002 - `type` says what the rows become, as msgspec's own `decode` does

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar, Unpack, overload

import msgspec

from mixpanel_async.actions._core.params import form_body, json_text
from mixpanel_async.actions._core.resource import FORM, Resource
from mixpanel_async.actions._core.responses import read_json
from mixpanel_async.actions._core.scope import Scope
from mixpanel_async.actions.query._requests import query_request
from mixpanel_async.codecs.json_array import JsonArrayError, JsonArraySplitter
from mixpanel_async.errors import TruncatedReplyError, UnexpectedReplyError
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Reply, Request
from mixpanel_async.session.streaming import decompressed_stream

T = TypeVar("T")
JQL_TIMEOUT_SECONDS = 150.0  # Mixpanel gives a script two minutes


class Jql(Resource):
    """Scripts in JQL, which Mixpanel keeps in maintenance."""

    @overload
    async def jql(
        self,
        script: str,
        params: JSONValue = None,
        *,
        timeout_seconds: float = JQL_TIMEOUT_SECONDS,
        **scope: Unpack[Scope],
    ) -> list[JSONValue]: ...

    @overload
    async def jql(
        self,
        script: str,
        params: JSONValue = None,
        *,
        type: type[T],
        timeout_seconds: float = JQL_TIMEOUT_SECONDS,
        **scope: Unpack[Scope],
    ) -> list[T]: ...

    async def jql(
        self,
        script: str,
        params: JSONValue = None,
        *,
        type: type[T] | None = None,
        timeout_seconds: float = JQL_TIMEOUT_SECONDS,
        **scope: Unpack[Scope],
    ) -> list[T] | list[JSONValue]:
        """Run a script and return its rows.

        Args:
            script: JavaScript with a function `main`.
            params: Any JSON, the script's global `params`.
            type: What each row becomes, for example a Struct or a TypedDict; plain values unless given.
            timeout_seconds: For each try; Mixpanel itself stops after two minutes.

        Raises:
            ApiError: Mixpanel refused, or the script failed.
            UnexpectedReplyError: A row does not fit `type`.

        Reference: https://developer.mixpanel.com/reference/query-jql
        """
        request = _request(script, params, timeout_seconds, scope)
        reply = await self._session.send(request)
        if type is None:
            return read_json(request, reply, list[JSONValue])
        return read_json(request, reply, list[type])  # type: ignore[valid-type]

    @overload
    def jql_stream(
        self,
        script: str,
        params: JSONValue = None,
        *,
        timeout_seconds: float = JQL_TIMEOUT_SECONDS,
        **scope: Unpack[Scope],
    ) -> AsyncGenerator[JSONValue, None]: ...

    @overload
    def jql_stream(
        self,
        script: str,
        params: JSONValue = None,
        *,
        type: type[T],
        timeout_seconds: float = JQL_TIMEOUT_SECONDS,
        **scope: Unpack[Scope],
    ) -> AsyncGenerator[T, None]: ...

    async def jql_stream(
        self,
        script: str,
        params: JSONValue = None,
        *,
        type: type[T] | None = None,
        timeout_seconds: float = JQL_TIMEOUT_SECONDS,
        **scope: Unpack[Scope],
    ) -> AsyncGenerator[T | JSONValue, None]:
        """Run a script and yield its rows while they arrive; one row is held at a time.

        Wrap it in `contextlib.aclosing` where the loop may be left early.

        Args:
            script: JavaScript with a function `main`.
            params: Any JSON, the script's global `params`.
            type: What each row becomes; plain values unless given.
            timeout_seconds: For each try, the last row included.

        Raises:
            ApiError: Mixpanel refused, or the script failed.
            UnexpectedReplyError: The reply is no array, or a row does not fit `type`.
            TruncatedReplyError: The reply ended inside its array; the rows so far are not all.

        Reference: https://developer.mixpanel.com/reference/query-jql
        """
        request = _request(script, params, timeout_seconds, scope)
        splitter = JsonArraySplitter()
        async with self._session.stream(request) as stream:
            head = Reply(stream.status, stream.headers, b"")
            async with aclosing(decompressed_stream(stream)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    for row in _split(request, head, splitter, piece):
                        yield read_json(request, head, type or object, row)
        try:
            splitter.close()
        except JsonArrayError as error:
            raise TruncatedReplyError(f"the reply ended early: {error}") from None


def _request(script: str, params: JSONValue, timeout_seconds: float, scope: Scope) -> Request:
    request = query_request("jql", "/jql", scope, method="POST")
    body = form_body({"script": script, "params": None if params is None else json_text(params)})
    return msgspec.structs.replace(request, body=body, content_type=FORM, timeout_seconds=timeout_seconds)


def _split(request: Request, reply: Reply, splitter: JsonArraySplitter, piece: bytes) -> list[bytes]:
    try:
        return splitter.feed(piece)
    except JsonArrayError as error:
        raise UnexpectedReplyError(
            f"the reply is invalid: {error}", status=reply.status, operation=request.operation
        ) from None
