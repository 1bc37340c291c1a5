"""Evaluation of flags in this process."""

from collections.abc import Callable, Mapping

from mixpanel_async.engine.context import Context
from mixpanel_async.flags.exposures import Exposures, Track
from mixpanel_async.flags.log_once import LogOnce
from mixpanel_async.flags.models import FlagContext, FlagReason, FlagResult, FlagsStatus, OnChange
from mixpanel_async.flags.polling import Poller
from mixpanel_async.json_types import JSONValue


class LocalFlags:
    """Flags that are evaluated in this process, with definitions that are polled in the background.

    Evaluations are plain functions: they neither wait nor raise, and may be called in any thread. `mp.flags.local()`
    makes one; it is closed with its client.

    Args:
        context: The client's parts.
        track: Queues an exposure.
        poll_seconds: Seconds between two requests for definitions.
        timeout_seconds: Longest time for a reply.

    Example:
        ```python
        flags = mp.flags.local()
        await flags.ready(timeout=5)
        if flags.is_enabled("new-checkout", {"distinct_id": "user-1"}):
            print("the new checkout")
        ```
    """

    def __init__(self, context: Context, track: Track, *, poll_seconds: float, timeout_seconds: float) -> None:
        log = LogOnce()
        self._log = log
        self._now = context.clock.monotonic
        self._exposures = Exposures(track, context.session.owner, log)
        self._poller = Poller(
            context.session, context.clock, poll_seconds=poll_seconds, timeout_seconds=timeout_seconds, log=log
        )
        self._poller.start()

    def variant(
        self, key: str, fallback: JSONValue, context: FlagContext, *, track_exposure: bool = True
    ) -> FlagResult:
        """Return the variant of a flag for a context, or the fallback; never raises.

        Args:
            key: Key of the flag.
            fallback: The value if no variant is assigned.
            context: `distinct_id`, `custom_properties` for rules, and what else flags choose by, such as `device_id`.
            track_exposure: Whether to track `$experiment_started`, once for each flag, variant and user.

        Returns:
            The value with its variant, or the fallback with the reason.

        Reference: https://developer.mixpanel.com/reference/get-flag-definitions

        Example:
            ```python
            flags = mp.flags.local()
            await flags.ready(timeout=5)
            context = {"distinct_id": "user-1", "custom_properties": {"plan": "pro"}}
            result = flags.variant("button-colour", "grey", context)
            print(result.value, result.variant, result.reason)
            ```
        """
        started = self._now() if track_exposure else 0.0
        try:
            flag = self._poller.flags.flags.get(key)
            if flag is None:
                return self._unknown(key, fallback)
            found = flag.assign(context)
            if not isinstance(found, FlagResult):
                missing = flag.context if found is FlagReason.MISSING_CONTEXT_KEY else ""
                return FlagResult(key, fallback, None, "fallback", found, missing)  # keywords would take longer
        except Exception as error:  # wrong types, or a context whose methods raise
            return self._invalid(key, fallback, context, error)
        if track_exposure:
            self._expose(found, context, started)
        return found

    def is_enabled(self, key: str, context: FlagContext) -> bool:
        """Return whether the value of a flag is True for a context; never raises.

        Args:
            key: Key of the flag.
            context: As in `variant`.

        Reference: https://developer.mixpanel.com/reference/get-flag-definitions

        Example:
            ```python
            flags = mp.flags.local()
            print(flags.is_enabled("new-checkout", {"distinct_id": "user-1"}))
            ```
        """
        return self.variant(key, False, context).value is True

    def all_variants(self, context: FlagContext) -> dict[str, FlagResult]:
        """Return the variants of all flags that assign one, by key; tracks no exposure and never raises.

        Args:
            context: As in `variant`.

        Reference: https://developer.mixpanel.com/reference/get-flag-definitions

        Example:
            ```python
            flags = mp.flags.local()
            for key, result in flags.all_variants({"distinct_id": "user-1"}).items():
                print(key, result.value)
            ```
        """
        results = (self.variant(key, None, context, track_exposure=False) for key in self._poller.flags.flags)
        return {result.key: result for result in results if result.is_assigned}

    def track_exposure(self, result: FlagResult, context: FlagContext) -> None:
        """Track the exposure of a variant that `all_variants` returned, once for each flag, variant and user.

        Args:
            result: The variant; a fallback is not tracked.
            context: The context that it was evaluated for.

        Reference: https://developer.mixpanel.com/reference/get-flag-definitions

        Example:
            ```python
            flags = mp.flags.local()
            context = {"distinct_id": "user-1"}
            for result in flags.all_variants(context).values():
                flags.track_exposure(result, context)
            ```
        """
        self._expose(result, context, None)

    async def ready(self, timeout: float | None = 10.0) -> bool:
        """Wait until definitions are loaded.

        Args:
            timeout: Seconds to wait at most; None: as long as it takes.

        Returns:
            Whether they are. If not, polling goes on, and evaluations return their fallbacks until then.

        Raises:
            MissingCredentialsError: The client has no token.
            AccessRefusedError: Mixpanel refuses the token.

        Example:
            ```python
            flags = mp.flags.local()
            if not await flags.ready(timeout=5):
                print(flags.status.error)
            ```
        """
        return await self._poller.ready(timeout)

    @property
    def status(self) -> FlagsStatus:
        """How far the definitions are loaded, and which could not be used.

        Example:
            ```python
            flags = mp.flags.local()
            print(flags.status.is_stale, flags.status.bad_flags)
            ```
        """
        return self._poller.status

    def listen(self, listener: OnChange) -> Callable[[], None]:
        """Call a function, in the client's loop, when definitions are loaded, change or cannot be loaded.

        Args:
            listener: Gets the change. What it raises is logged.

        Returns:
            A function that ends it.

        Example:
            ```python
            flags = mp.flags.local()
            stop = flags.listen(lambda change: print(change.kind, change.keys))
            stop()
            ```
        """
        self._poller.listen(listener)
        return lambda: self._poller.unlisten(listener)

    async def aclose(self) -> None:
        """Stop polling; evaluations go on with the definitions that are there. Safe to call twice.

        Example:
            ```python
            flags = mp.flags.local()
            await flags.aclose()
            ```
        """
        await self._poller.aclose()

    def _expose(self, result: FlagResult, context: FlagContext, started: float | None) -> None:
        try:
            if not result.is_assigned or not self._exposures.is_new(result, context):
                return
            latency: Mapping[str, JSONValue] = (
                {} if started is None else {"Variant fetch latency (ms)": (self._now() - started) * 1000}
            )
            details = {
                "$experiment_id": result.experiment_id,
                "$is_experiment_active": result.is_experiment_active,
                "$is_qa_tester": result.is_qa_tester,
                **latency,
            }
            self._exposures.send(result, context, details)
        except Exception as error:  # as in `variant`
            self._invalid(result, None, context, error)

    def _unknown(self, key: str, fallback: JSONValue) -> FlagResult:
        check_key(key)
        reason = FlagReason.FLAG_NOT_FOUND if self._poller.status.is_ready else FlagReason.NOT_READY
        return FlagResult(key, fallback, reason=reason)

    def _invalid(self, key: object, fallback: JSONValue, context: object, error: Exception) -> FlagResult:
        is_mapping = isinstance(context, Mapping)
        message = describe_error(error) if is_mapping else f"the context is no mapping: {type(context).__name__}"
        self._log.warn(f"evaluation {type(error).__name__}", f"a feature flag got its fallback: {message}")
        name = key if isinstance(key, str) else f"<{type(key).__name__}>"
        return FlagResult(name, fallback, reason=FlagReason.INVALID_ARGUMENT, message=message)


def describe_error(error: Exception) -> str:
    """Return what an error says; its own conversion to text may fail."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # an error of the caller's own class
        return type(error).__name__


def check_key(key: object) -> None:
    """Raise TypeError if the key of a flag is no text."""
    if not isinstance(key, str):
        raise TypeError(f"the key is no text: {type(key).__name__}")
