"""A provider for OpenFeature, with flags that are evaluated in this process; needs the extra `openfeature`."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.errors import MissingExtraError, MixpanelError
from mixpanel_async.flags import FlagReason, FlagResult, FlagsChange, LocalFlags
from mixpanel_async.flags.typed_values import as_type, plain_attribute
from mixpanel_async.json_types import JSONValue

try:
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.event import ProviderEventDetails
    from openfeature.exception import ErrorCode, ProviderFatalError, ProviderNotReadyError
    from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
    from openfeature.provider import AbstractProvider, Metadata
    from openfeature.track import TrackingEventDetails
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "openfeature":
        raise
    raise MissingExtraError("openfeature", "mixpanel_async.openfeature") from None

__all__ = ["MixpanelProvider"]

_log = logging.getLogger("mixpanel_async")
_OWN_KEYS: Final = frozenset({"distinct_id", "device_id", "custom_properties"})
_FAILURES: Final[Mapping[FlagReason | None, tuple[ErrorCode | None, Reason]]] = {
    FlagReason.NO_ROLLOUT_MATCH: (None, Reason.DEFAULT),
    FlagReason.FLAG_NOT_FOUND: (ErrorCode.FLAG_NOT_FOUND, Reason.DEFAULT),
    FlagReason.MISSING_CONTEXT_KEY: (ErrorCode.TARGETING_KEY_MISSING, Reason.ERROR),
    FlagReason.NOT_READY: (ErrorCode.PROVIDER_NOT_READY, Reason.ERROR),
    FlagReason.INVALID_ARGUMENT: (ErrorCode.INVALID_CONTEXT, Reason.ERROR),
}
_ObjectValue: TypeAlias = Sequence[FlagValueType] | Mapping[str, FlagValueType]
T = TypeVar("T")


class MixpanelProvider(AbstractProvider):
    """Resolves the flags of OpenFeature with Mixpanel's definitions.

    Await `start` in the client's event loop, then give the provider to OpenFeature. The targeting key becomes the
    distinct_id, unless the context has one; the other attributes become custom properties, and may be what flags choose
    by.

    Args:
        mp: The client. It stays open as long as the provider is used, and is closed by its owner.
        poll_seconds: Seconds between two requests for definitions, give or take a tenth.
        init_seconds: Longest time that OpenFeature's initialization waits for definitions, outside an event loop.

    Reference: https://openfeature.dev/docs/reference/technologies/server/python

    Example:
        ```python
        from openfeature import api
        from openfeature.evaluation_context import EvaluationContext

        from mixpanel_async.openfeature import MixpanelProvider

        provider = MixpanelProvider(mp)
        if await provider.start(timeout=5):
            api.set_provider_and_wait(provider)
        user = EvaluationContext(targeting_key="user-1", attributes={"plan": "pro"})
        print(api.get_client().get_boolean_value("new-checkout", False, user))
        await provider.aclose()
        ```
    """

    def __init__(self, mp: AsyncMixpanel, *, poll_seconds: float = 60.0, init_seconds: float = 10.0) -> None:
        super().__init__()
        self._mp = mp
        self._poll_seconds = poll_seconds
        self._init_seconds = init_seconds
        self._flags: LocalFlags | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_answer = threading.Event()  # definitions, or the reason why there will be none
        self._refusal: MixpanelError | None = None
        self._is_initialized = False

    async def start(self, timeout: float | None = 10.0) -> bool:
        """Start to poll definitions, in the client's event loop, and wait for the first ones.

        Args:
            timeout: Seconds to wait at most; None: as long as it takes. Polling goes on afterwards.

        Returns:
            Whether there are definitions.

        Raises:
            MissingCredentialsError: The client has no token.
            AccessRefusedError: Mixpanel refuses the token.
            ClientClosedError: The client is closed.
            WrongLoopError: The client belongs to another event loop, thread or process.
        """
        if self._flags is None:
            self._flags = self._mp.flags.local(poll_seconds=self._poll_seconds)
            self._loop = asyncio.get_running_loop()
            self._flags.listen(self._note)
        try:
            return await self._flags.ready(timeout)
        except MixpanelError as error:
            self._refusal = error
            self._has_answer.set()
            raise

    async def aclose(self) -> None:
        """Stop polling. Safe to call twice; `shutdown` does the same without waiting."""
        flags = self._forget()
        if flags is not None:
            await flags.aclose()

    # --- what OpenFeature calls ---

    def get_metadata(self) -> Metadata:
        """Return the name of this provider."""
        return Metadata(name="mixpanel_async")

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Wait until there are definitions; in a thread that runs an event loop, say at once whether there are.

        Raises:
            ProviderNotReadyError: There are none.
            ProviderFatalError: There will be none: the token is missing or refused.
        """
        del evaluation_context
        try:
            if not _is_in_loop():
                self._has_answer.wait(self._init_seconds)
            if self._flags is not None and self._flags.status.is_ready:
                return
            if self._refusal is not None:
                raise ProviderFatalError(str(self._refusal))
            problem = self._flags.status.error if self._flags is not None else "nobody awaited start()"
            raise ProviderNotReadyError(f"no definitions of flags so far: {problem or 'await start() first'}")
        finally:
            self._is_initialized = True

    def shutdown(self) -> None:
        """Stop polling, from any thread and without waiting for its end."""
        loop = self._loop
        flags = self._forget()
        if flags is None or loop is None:
            return
        ending = flags.aclose()
        try:
            asyncio.run_coroutine_threadsafe(ending, loop)
        except RuntimeError:  # the loop is closed, and its tasks with it
            ending.close()

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """Track an event of the context's user; its value becomes the property `value`. Never raises."""
        try:
            user = _context_of(evaluation_context).get("distinct_id")
            properties: dict[str, JSONValue] = {}
            if tracking_event_details is not None:
                properties |= tracking_event_details.attributes
                if tracking_event_details.value is not None:
                    properties["value"] = tracking_event_details.value
            distinct_id = user if isinstance(user, str | int) else ""
            if _is_in_loop() and self._loop in {None, asyncio.get_running_loop()}:
                self._mp.track_nowait(distinct_id, tracking_event_name, properties)
            else:
                self._mp.submit(distinct_id, tracking_event_name, properties)
        except Exception as error:  # tracking must not break the code that it is about
            _log.warning("the event %r is not tracked: %s", tracking_event_name, error)

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """Resolve a flag whose value is true or false."""
        return self._resolve(flag_key, default_value, evaluation_context, bool)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Resolve a flag whose value is text."""
        return self._resolve(flag_key, default_value, evaluation_context, str)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Resolve a flag whose value is a whole number; 3.0 is one."""
        return self._resolve(flag_key, default_value, evaluation_context, int)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Resolve a flag whose value is a number."""
        return self._resolve(flag_key, default_value, evaluation_context, float)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: _ObjectValue,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[_ObjectValue]:
        """Resolve a flag whose value is an object or a list."""
        return self._resolve(flag_key, default_value, evaluation_context, object)

    def _resolve(
        self, key: str, default: T, evaluation_context: EvaluationContext | None, wanted: type
    ) -> FlagResolutionDetails[T]:
        flags = self._flags
        if flags is None:
            return _failed(default, ErrorCode.PROVIDER_NOT_READY, "polling was not started, or is over")
        try:
            context = _context_of(evaluation_context)
        except Exception as error:  # attributes of any type
            return _failed(default, ErrorCode.INVALID_CONTEXT, f"{type(error).__name__}: {error}")
        result = flags.variant(key, default, context, track_exposure=False)
        if not result.is_assigned:
            code, reason = _FAILURES[result.reason]
            return FlagResolutionDetails(default, code, result.message or None, reason)
        try:
            value: Any = as_type(result.value, wanted)
        except (TypeError, OverflowError) as error:
            return _failed(default, ErrorCode.TYPE_MISMATCH, str(error))
        flags.track_exposure(result, context)  # only now: a user of another type's default did not get the variant
        return FlagResolutionDetails(
            value, reason=Reason.TARGETING_MATCH, variant=result.variant, flag_metadata=_metadata(result)
        )

    # --- events ---

    def _note(self, change: FlagsChange) -> None:
        if change.kind == "ready":
            self._refusal = None
            self._has_answer.set()
        if not self._is_initialized:  # OpenFeature tells by itself how initialization ended
            return
        details = ProviderEventDetails(flags_changed=list(change.keys), message=change.message or None)
        match change.kind:
            case "ready":
                self.emit_provider_ready(details)
            case "changed":
                self.emit_provider_configuration_changed(details)
            case "stale":
                self.emit_provider_stale(details)
            case "error":
                details.error_code = ErrorCode.GENERAL
                self.emit_provider_error(details)

    def _forget(self) -> LocalFlags | None:
        flags, self._flags = self._flags, None
        self._has_answer.clear()
        self._is_initialized = False
        return flags


def _is_in_loop() -> bool:
    with contextlib.suppress(RuntimeError):
        return asyncio.get_running_loop() is not None
    return False


def _context_of(given: EvaluationContext | None) -> dict[str, JSONValue]:
    """Return the context of flags."""
    if given is None:
        return {}
    attributes = {name: plain_attribute(value) for name, value in given.attributes.items()}
    own = attributes.get("custom_properties")
    others = {name: value for name, value in attributes.items() if name not in _OWN_KEYS}
    context: dict[str, JSONValue] = {
        **attributes,
        "custom_properties": {**others, **(own if isinstance(own, dict) else {})},
    }
    if given.targeting_key:
        context["targetingKey"] = given.targeting_key
        context.setdefault("distinct_id", given.targeting_key)
    return context


def _metadata(result: FlagResult) -> dict[str, bool | int | float | str]:
    found = {
        "experiment_id": result.experiment_id,
        "is_experiment_active": result.is_experiment_active,
        "is_qa_tester": result.is_qa_tester,
    }
    return {name: value for name, value in found.items() if value is not None}


def _failed(default: T, code: ErrorCode, message: str) -> FlagResolutionDetails[T]:
    return FlagResolutionDetails(default, code, message, Reason.ERROR)
