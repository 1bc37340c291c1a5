"""Bodies that are produced while they are sent: each part in the request's context, the event after the last."""

from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import Generic, Self, TypeVar

from mixpanel_async.middleware.request_event import Ending
from mixpanel_async.middleware.tracker import TrackedRequest

_R = TypeVar("_R")


class TrackedBody(Generic[_R]):
    """A synchronous body.

    Args:
        body: The body of the application.
        tracked: The request.
        status: Returns the status; it is known after the first part.
        ending_of_close: How a request ends whose body is closed before its end.
    """

    def __init__(
        self,
        body: Iterable[bytes],
        tracked: TrackedRequest[_R],
        status: Callable[[], int | None],
        ending_of_close: Ending = "disconnected",
    ) -> None:
        self._body = body
        self._parts: Iterator[bytes] | None = None
        self._tracked = tracked
        self._status = status
        self._ending_of_close = ending_of_close

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        with self._tracked.surround():
            try:
                if self._parts is None:
                    self._parts = iter(self._body)
                return next(self._parts)
            except StopIteration:
                self._tracked.finish(self._status(), "completed")
                raise
            except BaseException as error:
                self._tracked.finish(self._status(), "failed", error)
                raise

    def close(self) -> None:
        """Close the application's body; the server calls this in any case."""
        with self._tracked.surround():
            self._tracked.finish(self._status(), self._ending_of_close)
            close = getattr(self._body, "close", None)
            if close is not None:
                close()


class AsyncTrackedBody(Generic[_R]):
    """An asynchronous body.

    Args:
        body: The body of the application.
        tracked: The request.
        status: Status of the response.
        ending_of_close: How a request ends whose body is closed before its end.
    """

    def __init__(
        self, body: AsyncIterable[bytes], tracked: TrackedRequest[_R], status: int, ending_of_close: Ending
    ) -> None:
        self._body = body
        self._parts = aiter(body)
        self._tracked = tracked
        self._status = status
        self._ending_of_close = ending_of_close

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        with self._tracked.surround():
            try:
                return await anext(self._parts)
            except StopAsyncIteration:
                self._tracked.finish(self._status, "completed")
                raise
            except BaseException as error:
                self._tracked.finish(self._status, "failed", error)
                raise

    def close(self) -> None:
        """Note that no more is asked for."""
        with self._tracked.surround():
            self._tracked.finish(self._status, self._ending_of_close)
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
