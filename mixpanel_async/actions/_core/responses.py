"""Decodes replies to Structs and keeps the JSON that they were read from."""

import asyncio
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Concatenate, Final, ParamSpec, TypeVar, cast

import msgspec

from mixpanel_async.codecs.json_windows import decode_json
from mixpanel_async.errors import BadRequestError, UnexpectedReplyError
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Reply, Request

T = TypeVar("T")
A = TypeVar("A", bound="ApiObject")
P = ParamSpec("P")

_BODY = "_body"
_MAX_SHOWN_CHARACTERS = 200
_MAX_LOOP_BYTES: Final = 128 * 1024  # decoding them takes a millisecond


class ApiObject(msgspec.Struct, frozen=True, dict=True):
    """The base class of replies and of the objects in them.

    The fields of a subclass are those that Mixpanel documents, under Mixpanel's names. Other fields are not lost: `raw`
    is the JSON that the object was read from, decoded on first use. If the object was in an envelope such as
    `{"status": ..., "results": ...}`, `raw` is the part inside it. Decoding many megabytes takes long: read `raw` on a
    thread then, `await asyncio.to_thread(lambda: report.raw)`, and the event loop keeps running.

    Example:
        ```python
        report = await mp.query.insights(9005)
        print(report.raw)
        ```
    """

    @cached_property
    def raw(self) -> JSONValue:
        """The JSON that this object was read from; None if it was not read from a reply."""
        return _decode_raw(self.body)

    @property
    def body(self) -> bytes:
        """The JSON that this object was read from, as bytes."""
        return bytes(self.__dict__.get(_BODY, b""))


class ApiList(list[T]):
    """A list of objects from one reply; `raw` is the JSON of the whole reply.

    Args:
        items: Objects.
        body: Body of the reply.

    Example:
        ```python
        cohorts = await mp.query.cohorts()
        print(len(cohorts), cohorts.raw)
        ```
    """

    def __init__(self, items: Iterable[T] = (), body: bytes = b"") -> None:
        super().__init__(items)
        self._body = body

    @cached_property
    def raw(self) -> JSONValue:
        """The JSON of the whole reply."""
        return _decode_raw(self._body)


class Acknowledgement(ApiObject, frozen=True):
    """A reply that carries only a status.

    Attributes:
        status: Mixpanel's status, usually `"ok"`; None if the reply has no body.

    Example:
        ```python
        reply = await mp.lookup_tables.delete("table-id")
        print(reply.status)
        ```
    """

    status: str | int | None = None


class _Envelope(msgspec.Struct, frozen=True):
    results: msgspec.Raw = msgspec.Raw()
    status: str | int | None = None
    error: msgspec.Raw = msgspec.Raw()


def _decode_raw(body: bytes) -> JSONValue:
    if not body or body.isspace():
        return None
    try:
        return decode_json(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", errors="replace")


def keep_body(answer: A, body: bytes) -> A:
    """Return `answer`, which now decodes its `raw` from `body`."""
    answer.__dict__[_BODY] = body
    return answer


async def read_off_loop(
    read: Callable[Concatenate[Request, Reply, P], T], request: Request, reply: Reply, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Return what `read` makes of a reply; of a large one it is made on a thread, while the event loop runs."""
    if len(reply.body) <= _MAX_LOOP_BYTES:
        return read(request, reply, *args, **kwargs)
    return await asyncio.to_thread(partial(read, request, reply, *args, **kwargs))


def read_json(request: Request, reply: Reply, kind: type[T], body: bytes | msgspec.Raw | None = None) -> T:
    """Return a body, or the given part of it, as `kind`.

    Raises:
        UnexpectedReplyError: The body is not a JSON value of that type.
    """
    data = reply.body if body is None else body
    try:
        return cast("T", decode_json(data, kind))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        shown = bytes(data)[:_MAX_SHOWN_CHARACTERS].decode("utf-8", errors="replace")
        raise UnexpectedReplyError(
            f"the reply has an unexpected form: {error}; it begins {shown!r}",
            status=reply.status,
            operation=request.operation,
        ) from None


def read_answer(request: Request, reply: Reply, kind: type[A]) -> A:
    """Return a reply that is one object."""
    return keep_body(read_json(request, reply, kind), reply.body)


def read_text(reply: Reply) -> str:
    """Return a reply that is text, such as CSV."""
    return reply.body.decode("utf-8", errors="replace")


def read_list(request: Request, reply: Reply, kind: type[T]) -> ApiList[T]:
    """Return a reply that is an array."""
    return _list_of(request, reply, kind, reply.body)


def read_results(request: Request, reply: Reply, kind: type[A]) -> A:
    """Return the `results` of a reply as one object.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body has another shape.
    """
    results = _open_envelope(request, reply)
    return keep_body(read_json(request, reply, kind, results), bytes(results))


def read_result_list(request: Request, reply: Reply, kind: type[T]) -> ApiList[T]:
    """Return the `results` of a reply as a list.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body has another shape.
    """
    return _list_of(request, reply, kind, _open_envelope(request, reply))


def read_bare_or_results(request: Request, reply: Reply, kind: type[A]) -> A:
    """Return one object, with or without the envelope; the reference is not consistent about some operations."""
    envelope = read_json(request, reply, _Envelope)
    _check_envelope(request, reply, envelope)
    part = bytes(envelope.results) or reply.body
    return keep_body(read_json(request, reply, kind, part), part)


def read_acknowledgement(request: Request, reply: Reply) -> Acknowledgement:
    """Return the status of a reply that may be empty, a word or an object.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
    """
    if not reply.body.lstrip().startswith(b"{"):
        return keep_body(Acknowledgement(), reply.body)
    envelope = read_json(request, reply, _Envelope)
    _check_envelope(request, reply, envelope)
    return keep_body(Acknowledgement(status=envelope.status), reply.body)


def _list_of(request: Request, reply: Reply, kind: type[T], body: bytes | msgspec.Raw) -> ApiList[T]:
    if not issubclass(kind, ApiObject):
        return ApiList(read_json(request, reply, list[kind], body), reply.body)  # type: ignore[valid-type]
    parts = read_json(request, reply, list[msgspec.Raw], body)
    items = (keep_body(read_json(request, reply, kind, part), bytes(part)) for part in parts)
    return ApiList(items, reply.body)


def _open_envelope(request: Request, reply: Reply) -> msgspec.Raw:
    envelope = read_json(request, reply, _Envelope)
    _check_envelope(request, reply, envelope)
    return envelope.results if bytes(envelope.results) else msgspec.Raw(b"null")


def _check_envelope(request: Request, reply: Reply, envelope: _Envelope) -> None:
    # The experiment and feature-flag operations document an error body under status 200.
    if envelope.status == "error":
        error = bytes(envelope.error).decode("utf-8", errors="replace").strip('"') or "the reply says only: error"
        raise BadRequestError(error[:1000], status=reply.status, operation=request.operation)
