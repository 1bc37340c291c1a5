"""JQL of the Query API: scripts that Mixpanel runs."""

# ruff: noqa: A002 - `type` says what the rows become, as msgspec's own `decode` does

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TypeVar, Unpack, overload

import msgspec

from mixpanel_async.actions._core.params import form_body, json_text
from mixpanel_async.actions._core.reply_checks import ANSWERED, MAX_PROBED_BYTES
from mixpanel_async.actions._core.resource import FORM, Resource
from mixpanel_async.actions._core.responses import read_json, read_off_loop, read_part
from mixpanel_async.actions._core.scope import Scope
from mixpanel_async.actions.query._requests import query_request
from mixpanel_async.codecs.json_array import JsonArrayError, JsonArraySplitter, feed_in_steps
from mixpanel_async.errors import InvalidArgumentError, TruncatedReplyError, UnexpectedReplyError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Reply, Request
from mixpanel_async.session.messages import StreamReply
from mixpanel_async.session.streaming import decompressed_stream
from mixpanel_async.time_slice import TimeSlice

T = TypeVar("T")
JQL_TIMEOUT_SECONDS = 150.0  # Mixpanel gives a script two minutes


class Jql(Resource):
    """Scripts in JQL; Mixpanel keeps JQL in maintenance mode."""

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
            params: The global `params` of the script: a dict or other value, or the same as JSON text.
            type: Type of each row, for example a Struct or a TypedDict (default: plain values).
            timeout_seconds: Timeout of each try; Mixpanel stops a script after two minutes.

        Raises:
            ApiError: Mixpanel refused the request, or the script failed.
            UnexpectedReplyError: A row does not fit `type`.

        Reference: https://developer.mixpanel.com/reference/query-jql

        Example:
            ```python
            script = "function main() { return Events(params).groupBy(['name'], mixpanel.reducer.count()) }"
            params = {"from_date": "2026-08-01", "to_date": "2026-08-31"}
            rows = await mp.query.jql(script, params)
            ```
        """
        request = _request(script, params, timeout_seconds, scope)
        reply = await self._session.send(request)
        if type is None:
            return await read_off_loop(read_json, request, reply, list[JSONValue])
        return await read_off_loop(read_json, request, reply, list[type])  # type: ignore[valid-type]

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
        """Run a script and yield its rows as they arrive; only one row is held in memory.

        To leave the loop early, wrap the call in `contextlib.aclosing`.

        Args:
            script: JavaScript with a function `main`.
            params: The global `params` of the script: a dict or other value, or the same as JSON text.
            type: Type of each row (default: plain values).
            timeout_seconds: Timeout of each try, including the last row.

        Raises:
            ApiError: Mixpanel refused the request, or the script failed.
            UnexpectedReplyError: The reply is not an array, or a row does not fit `type`.
            TruncatedReplyError: The reply ended inside its array: rows are missing.

        Reference: https://developer.mixpanel.com/reference/query-jql

        Example:
            ```python
            script = "function main() { return Events(params).groupBy(['name'], mixpanel.reducer.count()) }"
            params = {"from_date": "2026-08-01", "to_date": "2026-08-31"}
            async for row in mp.query.jql_stream(script, params):
                print(row)
            ```
        """
        request = _request(script, params, timeout_seconds, scope)
        splitter = JsonArraySplitter()
        async with self._session.stream(request) as stream:
            head = Reply(stream.status, stream.headers, b"")
            async with aclosing(_array_blocks(request, stream)) as blocks:
                time_slice = TimeSlice()
                async for block in blocks:
                    for rows in _split(request, head, splitter, block):
                        for row in rows:
                            yield read_part(request, head, type or object, row, "a row of the reply")
                            # A loop over rows that are there never waits, and other tasks would not run meanwhile.
                            if time_slice.is_over:
                                await time_slice.next()
                        if time_slice.is_over:
                            await time_slice.next()
        try:
            splitter.close()
        except JsonArrayError as error:
            raise TruncatedReplyError(f"the reply ended early: {error}") from None


def _request(script: str, params: JSONValue, timeout_seconds: float, scope: Scope) -> Request:
    request = query_request("jql", "/jql", scope, method="POST")
    body = form_body({"script": script, "params": _params_text(params)})
    return msgspec.structs.replace(request, body=body, content_type=FORM, timeout_seconds=timeout_seconds)


async def _array_blocks(request: Request, stream: StreamReply) -> AsyncGenerator[bytes]:
    """Yield the body of a reply that is an array.

    Raises:
        BadRequestError: The body is an error.
        UnexpectedReplyError: The body is something else, or the status is not documented.
    """
    start, is_array = b"", False
    async with aclosing(decompressed_stream(stream)) as blocks:  # type: ignore[type-var]
        async for block in blocks:
            if is_array:
                yield block
                continue
            start += block
            is_array = stream.status in ANSWERED and start.lstrip().startswith(b"[")
            if is_array:
                yield start
            elif len(start) > MAX_PROBED_BYTES:
                break
    if not is_array:
        reply = Reply(stream.status, stream.headers, start[:MAX_PROBED_BYTES])
        read_json(request, reply, list[object])


def _params_text(params: JSONValue) -> str | None:
    """Return the parameters as JSON; text must be JSON already, as in Mixpanel's own form, and is parsed once."""
    if params is None:
        return None
    if isinstance(params, str):
        try:
            params = msgspec.json.decode(params)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise InvalidArgumentError(
                'params is invalid: the text is not JSON; give a dict, or text such as {"from_date": "2026-08-01"}'
            ) from None
    return json_text(params)


def _split(request: Request, reply: Reply, splitter: JsonArraySplitter, block: bytes) -> Iterator[list[bytes]]:
    try:
        yield from feed_in_steps(splitter.feed, block)
    except JsonArrayError as error:
        raise UnexpectedReplyError(
            f"the reply is invalid: {error}", status=reply.status, operation=request.operation
        ) from None
