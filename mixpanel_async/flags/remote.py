"""Evaluation of flags by Mixpanel."""

import datetime as dt
from collections.abc import Mapping

import msgspec

from mixpanel_async.actions._core.params import json_text
from mixpanel_async.engine.context import Context
from mixpanel_async.errors import MixpanelError
from mixpanel_async.flags.exposures import Exposures, Track
from mixpanel_async.flags.local import check_key, describe_error
from mixpanel_async.flags.log_once import LogOnce
from mixpanel_async.flags.models import FlagContext, FlagReason, FlagResult
from mixpanel_async.flags.requests import variants_request
from mixpanel_async.json_types import JSONValue


class _Variant(msgspec.Struct, frozen=True):
    variant_key: str
    variant_value: JSONValue = None
    experiment_id: str | None = None
    is_experiment_active: bool | None = None
    is_qa_tester: bool | None = None


class _Variants(msgspec.Struct, frozen=True):
    flags: Mapping[str, msgspec.Raw]


class RemoteFlags:
    """Flags that Mixpanel evaluates: each call is one request, without retries.

    `mp.flags.remote()` makes one. Its calls never raise because of the network, the reply or the arguments.

    Args:
        context: The client's parts.
        track: Queues an exposure.
        timeout_seconds: Longest time for a reply.

    Example:
        ```python
        flags = mp.flags.remote()
        if await flags.is_enabled("new-checkout", {"distinct_id": "user-1"}):
            print("the new checkout")
        ```
    """

    def __init__(self, context: Context, track: Track, *, timeout_seconds: float) -> None:
        self._session = context.session
        self._clock = context.clock
        self._timeout_seconds = timeout_seconds
        self._log = LogOnce()
        self._exposures = Exposures(track, context.session.owner, self._log)

    async def variant(
        self, key: str, fallback: JSONValue, context: FlagContext, *, track_exposure: bool = True
    ) -> FlagResult:
        """Return the variant that Mixpanel assigns for a context, or the fallback; never raises.

        Args:
            key: Key of the flag.
            fallback: The value if no variant is assigned or Mixpanel does not answer.
            context: `distinct_id`, `custom_properties` for rules, and what else flags choose by, such as `device_id`.
            track_exposure: Whether to track `$experiment_started`, once for each flag, variant and user.

        Returns:
            The value with its variant, or the fallback with the reason.

        Reference: https://developer.mixpanel.com/reference/get-variant-assignments

        Example:
            ```python
            flags = mp.flags.remote()
            result = await flags.variant("button-colour", "grey", {"distinct_id": "user-1"})
            print(result.value, result.reason)
            ```
        """
        started = self._clock.time()
        try:
            check_key(key)
            whole = _as_json(context)
        except Exception as error:  # wrong types, or a context whose methods raise
            return self._fallback(key, fallback, FlagReason.INVALID_ARGUMENT, error)
        try:
            found = (await self._ask(whole, key)).get(key)
        except Exception as error:  # the network, the reply, a client that is closed
            return self._fallback(key, fallback, FlagReason.BACKEND_ERROR, error)
        if found is None:
            return FlagResult(key, fallback, reason=FlagReason.FLAG_NOT_FOUND)
        if track_exposure and self._exposures.is_new(found, context):
            self._exposures.send(found, context, _times(started, self._clock.time()))
        return found

    async def is_enabled(self, key: str, context: FlagContext) -> bool:
        """Return whether the value of a flag is True for a context; never raises.

        Args:
            key: Key of the flag.
            context: As in `variant`.

        Reference: https://developer.mixpanel.com/reference/get-variant-assignments

        Example:
            ```python
            flags = mp.flags.remote()
            print(await flags.is_enabled("new-checkout", {"distinct_id": "user-1"}))
            ```
        """
        return (await self.variant(key, False, context)).value is True

    async def all_variants(self, context: FlagContext) -> dict[str, FlagResult] | None:
        """Return the variants of all flags that assign one, by key; tracks no exposure and never raises.

        Args:
            context: As in `variant`.

        Returns:
            The variants; None if Mixpanel did not answer or the context is invalid, which is logged once.

        Reference: https://developer.mixpanel.com/reference/get-variant-assignments

        Example:
            ```python
            flags = mp.flags.remote()
            variants = await flags.all_variants({"distinct_id": "user-1"})
            if variants is not None:
                print(sorted(variants))
            ```
        """
        try:
            return await self._ask(_as_json(context), None)
        except Exception as error:  # as in `variant`
            self._fallback("", None, FlagReason.BACKEND_ERROR, error)
            return None

    def track_exposure(self, result: FlagResult, context: FlagContext) -> None:
        """Track the exposure of a variant that `all_variants` returned, once for each flag, variant and user.

        Args:
            result: The variant; a fallback is not tracked.
            context: The context that it was evaluated for.

        Reference: https://developer.mixpanel.com/reference/get-variant-assignments

        Example:
            ```python
            flags = mp.flags.remote()
            context = {"distinct_id": "user-1"}
            for result in (await flags.all_variants(context) or {}).values():
                flags.track_exposure(result, context)
            ```
        """
        try:
            if result.is_assigned and self._exposures.is_new(result, context):
                self._exposures.send(result, context, {})
        except Exception as error:  # as in `variant`
            self._fallback("", None, FlagReason.INVALID_ARGUMENT, error)

    async def _ask(self, context: str, key: str | None) -> dict[str, FlagResult]:
        request = variants_request(self._session, context, key, self._timeout_seconds)
        reply = await self._session.send(request)
        variants = msgspec.json.decode(reply.body, type=_Variants).flags
        # Only what was asked for is read: another flag's variant may have any form.
        return {name: _result(name, raw) for name, raw in variants.items() if key in {None, name}}

    def _fallback(self, key: object, fallback: JSONValue, reason: FlagReason, error: Exception) -> FlagResult:
        text = str(error) if isinstance(error, MixpanelError) else describe_error(error)
        message = self._session.redacted(text)
        self._log.warn(f"{reason.value} {type(error).__name__}", f"a feature flag got its fallback: {message}")
        name = key if isinstance(key, str) else f"<{type(key).__name__}>"
        return FlagResult(name, fallback, reason=reason, message=message)


def _as_json(context: FlagContext) -> str:
    if not isinstance(context, Mapping):
        raise TypeError(f"the context is no mapping: {type(context).__name__}")
    return json_text(dict(context))


def _result(key: str, raw: msgspec.Raw) -> FlagResult:
    variant = msgspec.json.decode(raw, type=_Variant)
    return FlagResult(
        key,
        variant.variant_value,
        variant.variant_key,
        source="remote",
        experiment_id=variant.experiment_id,
        is_experiment_active=variant.is_experiment_active,
        is_qa_tester=variant.is_qa_tester,
    )


def _times(started: float, ended: float) -> Mapping[str, JSONValue]:
    return {
        "Variant fetch start time": dt.datetime.fromtimestamp(started, dt.UTC).isoformat(),
        "Variant fetch complete time": dt.datetime.fromtimestamp(ended, dt.UTC).isoformat(),
        "Variant fetch latency (ms)": (ended - started) * 1000,
    }
