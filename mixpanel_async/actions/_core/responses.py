"""Decodes replies to Structs and keeps the JSON that they were read from."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from functools import cached_property, partial
from typing import Concatenate, Final, ParamSpec, TypeVar, cast

import msgspec

from mixpanel_async.actions._core.reply_checks import NOWHERE, beginning_of, check_reply, decoding_problem, is_blank
from mixpanel_async.codecs.json_windows import decode_json
from mixpanel_async.errors import UnexpectedReplyError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Reply, Request

T = TypeVar("T")
A = TypeVar("A", bound="ApiObject")
P = ParamSpec("P")

_BODY = "_body"
RESULTS: Final = "`results` of the reply"
_DONE: Final = frozenset({"ok", "1", "true"})
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
        status: Mixpanel's status, usually `"ok"`; None if the reply has no body, as the reference documents for some.

    Example:
        ```python
        reply = await mp.lookup_tables.delete("table-id")
        print(reply.status)
        ```
    """

    status: str | int | None = None


class _Envelope(msgspec.Struct, frozen=True):
    results: msgspec.Raw = msgspec.Raw()


class _Status(msgspec.Struct, frozen=True):
    status: JSONValue


def _decode_raw(body: bytes) -> JSONValue:
    if is_blank(body):
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


def read_json(request: Request, reply: Reply, kind: type[T]) -> T:
    """Return a reply's JSON as `kind`.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body is not a JSON value of that type.
    """
    check_reply(request, reply)
    return read_part(request, reply, kind, reply.body, "the reply")


def read_part(
    request: Request, reply: Reply, kind: type[T], body: bytes | msgspec.Raw, what: str = "a part of the reply"
) -> T:
    """Return a part of a checked reply as `kind`.

    Args:
        request: What was sent.
        reply: What came back.
        kind: Type of the part.
        body: JSON of the part.
        what: What the part is, for the error.

    Raises:
        UnexpectedReplyError: The part is not a JSON value of that type.
    """
    try:
        return cast("T", decode_json(body, kind))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unexpected(request, reply, decoding_problem(error, bytes(body), what)) from None


def read_answer(request: Request, reply: Reply, kind: type[A]) -> A:
    """Return a reply that is one object.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body has another shape.
    """
    return keep_body(read_json(request, reply, kind), reply.body)


def read_keyed(request: Request, reply: Reply, kind: type[T], *, are_keys_names: bool = False) -> dict[str, T]:
    """Return a reply whose keys are data, such as dates.

    Args:
        request: What was sent.
        reply: What came back.
        kind: Type of each value.
        are_keys_names: Whether the keys are names that users choose, such as those of properties.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body has another shape, or is an empty object.
    """
    check_reply(request, reply, are_keys_names=are_keys_names)
    try:
        found = read_part(request, reply, dict[str, kind], reply.body, "the reply")  # type: ignore[valid-type]
    except UnexpectedReplyError:
        check_reply(request, reply)  # an object below `error` that is not data
        raise
    if not found:
        raise _unexpected(request, reply, "the reply is an empty object: it has no data, and does not say why")
    return found


def read_list(request: Request, reply: Reply, kind: type[T]) -> ApiList[T]:
    """Return a reply that is an array.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body has another shape.
    """
    check_reply(request, reply)
    return list_of(request, reply, kind, reply.body, "the reply")


def read_results(request: Request, reply: Reply, kind: type[A]) -> A:
    """Return the `results` of a reply as one object.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body has another shape.
    """
    results = _open_envelope(request, reply)
    return keep_body(read_part(request, reply, kind, results, RESULTS), bytes(results))


def read_result_list(request: Request, reply: Reply, kind: type[T]) -> ApiList[T]:
    """Return the `results` of a reply as a list.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body has another shape.
    """
    return list_of(request, reply, kind, _open_envelope(request, reply), RESULTS)


def read_bare_or_results(request: Request, reply: Reply, kind: type[A]) -> A:
    """Return one object, with or without the envelope; the reference is not consistent about some operations.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body has another shape.
    """
    envelope = read_json(request, reply, _Envelope)
    results = bytes(envelope.results)
    part, what = (results, RESULTS) if results else (reply.body, "the reply")
    _check_has_any(request, reply, kind, part, what)
    return keep_body(read_part(request, reply, kind, part, what), part)


def read_acknowledgement(request: Request, reply: Reply, *, empty_at: Collection[int] = NOWHERE) -> Acknowledgement:
    """Return the status of a reply that says only that the request was carried out.

    Args:
        request: What was sent.
        reply: What came back.
        empty_at: Statuses at which the reference documents a reply without a body.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body says neither.
    """
    check_reply(request, reply, empty_at=empty_at)
    if is_blank(reply.body):
        return keep_body(Acknowledgement(), reply.body)
    if reply.body.lstrip().startswith(b"{"):
        status = read_part(request, reply, _Status, reply.body, "the reply").status
    else:
        status = reply.body.decode("utf-8", errors="replace").strip().strip('"')
    if str(status).casefold() not in _DONE:
        raise _unexpected(
            request,
            reply,
            f"the reply does not say that the request was carried out; it begins {beginning_of(reply.body)}",
        )
    return keep_body(Acknowledgement(status=status if isinstance(status, int) else str(status)), reply.body)


def list_of(request: Request, reply: Reply, kind: type[T], body: bytes | msgspec.Raw, what: str) -> ApiList[T]:
    """Return a JSON array of a checked reply as a list that keeps the reply.

    Args:
        request: What was sent.
        reply: What came back.
        kind: Type of each item.
        body: JSON of the array.
        what: What the array is, for the error.

    Raises:
        UnexpectedReplyError: The JSON has another shape.
    """
    if not issubclass(kind, ApiObject):
        return ApiList(read_part(request, reply, list[kind], body, what), reply.body)  # type: ignore[valid-type]
    parts = read_part(request, reply, list[msgspec.Raw], body, what)
    items = (keep_body(read_part(request, reply, kind, part, "an item of the reply"), bytes(part)) for part in parts)
    return ApiList(items, reply.body)


def _open_envelope(request: Request, reply: Reply) -> msgspec.Raw:
    """Return the `results` of a reply, which must be there."""
    results = read_json(request, reply, _Envelope).results
    if not bytes(results):
        raise _unexpected(
            request, reply, f"the reply is an object without `results`; it begins {beginning_of(reply.body)}"
        )
    if bytes(results) == b"null":
        raise _unexpected(request, reply, f"{RESULTS} is null; it begins {beginning_of(reply.body)}")
    return results


def _check_has_any(request: Request, reply: Reply, kind: type[ApiObject], part: bytes, what: str) -> None:
    """Refuse an object with none of the fields of `kind`; it matters where none of them is required."""
    names = kind.__struct_encode_fields__
    if not read_part(request, reply, dict[str, msgspec.Raw], part, what).keys() & set(names):
        known = ", ".join(f"`{name}`" for name in names)
        raise _unexpected(request, reply, f"{what} is an object without {known}; it begins {beginning_of(part)}")


def _unexpected(request: Request, reply: Reply, problem: str) -> UnexpectedReplyError:
    return UnexpectedReplyError(problem, status=reply.status, operation=request.operation)
