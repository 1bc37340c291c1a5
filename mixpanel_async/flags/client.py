"""`mp.flags`: makes evaluators of flags, and closes them with the client."""

import math

from mixpanel_async.engine.context import Context
from mixpanel_async.errors import ClientClosedError, InvalidArgumentError
from mixpanel_async.flags.exposures import Track
from mixpanel_async.flags.local import LocalFlags
from mixpanel_async.flags.remote import RemoteFlags


class FlagEvaluators:
    """Feature flags for code: evaluated in this process, or by Mixpanel.

    Args:
        context: The client's parts.
        track: Queues an exposure.

    Example:
        ```python
        flags = mp.flags.local()
        await flags.ready(timeout=5)
        print(flags.is_enabled("new-checkout", {"distinct_id": "user-1"}))
        ```
    """

    def __init__(self, context: Context, track: Track) -> None:
        self._context = context
        self._track = track
        self._local: list[LocalFlags] = []

    def local(self, *, poll_seconds: float = 60.0, timeout_seconds: float = 10.0) -> LocalFlags:
        """Return flags that are evaluated in this process; definitions are polled from now on.

        Make one and keep it. It is closed with the client.

        Args:
            poll_seconds: Seconds between two requests for definitions, give or take a tenth.
            timeout_seconds: Longest time for a reply.

        Raises:
            InvalidArgumentError: A number of seconds is not above 0.
            ClientClosedError: The client is closed.
            WrongLoopError: The client belongs to another event loop, thread or process.

        Reference: https://developer.mixpanel.com/reference/get-flag-definitions

        Example:
            ```python
            flags = mp.flags.local(poll_seconds=30)
            await flags.ready(timeout=5)
            print(flags.is_enabled("new-checkout", {"distinct_id": "user-1"}))
            ```
        """
        _check_seconds("poll_seconds", poll_seconds)
        _check_seconds("timeout_seconds", timeout_seconds)
        self._context.engine.check_loop()
        if self._context.engine.is_closed:
            raise ClientClosedError("the client is closed; make a new one to evaluate flags")
        made = LocalFlags(self._context, self._track, poll_seconds=poll_seconds, timeout_seconds=timeout_seconds)
        self._local.append(made)
        return made

    def remote(self, *, timeout_seconds: float = 10.0) -> RemoteFlags:
        """Return flags that Mixpanel evaluates, with a request for each evaluation.

        Args:
            timeout_seconds: Longest time for a reply; then the fallback is returned.

        Raises:
            InvalidArgumentError: The number of seconds is not above 0.

        Reference: https://developer.mixpanel.com/reference/get-variant-assignments

        Example:
            ```python
            flags = mp.flags.remote(timeout_seconds=2)
            print(await flags.is_enabled("new-checkout", {"distinct_id": "user-1"}))
            ```
        """
        _check_seconds("timeout_seconds", timeout_seconds)
        return RemoteFlags(self._context, self._track, timeout_seconds=timeout_seconds)

    async def aclose(self) -> None:
        """Stop the polling of all local flags; the client's `aclose` does this first.

        Example:
            ```python
            await mp.flags.aclose()
            ```
        """
        while self._local:
            await self._local.pop().aclose()


def _check_seconds(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InvalidArgumentError(f"{name} is invalid: {value!r} is not a number of seconds above 0")
