"""How often and how a raw request is retried, from its options."""

from collections.abc import Mapping
from typing import Final

from mixpanel_async.actions._core.params import check_exclusive, check_range
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.session import RetryRule

_MAX_SECONDS: Final = 86_400
_MAX_RETRIES: Final = 1000


def retry_rule(options: Mapping[str, object]) -> RetryRule | None:
    """Return the rule of `RequestOptions`, or None for the client's.

    Raises:
        InvalidArgumentError: An option is out of range, or the delay is given twice.
    """
    seconds, milliseconds = options.get("retry_delay_seconds"), options.get("retry_delay_ms")
    check_exclusive(retry_delay_seconds=seconds, retry_delay_ms=milliseconds)
    delay = _checked_seconds("retry_delay_seconds", seconds, 1)
    if milliseconds is not None:
        delay = _checked_seconds("retry_delay_ms", milliseconds, 1000)
    max_retries = options.get("max_retries")
    check_range("max_retries", max_retries, 0, _MAX_RETRIES)
    on_all_errors, is_exponential = options.get("retry_on_all_errors"), options.get("exponential_backoff")
    if max_retries is None and delay is None and on_all_errors is None and is_exponential is None:
        return None
    return RetryRule(
        max_retries=max_retries if isinstance(max_retries, int) else None,
        first_seconds=0.0 if delay is None and not is_exponential else delay,
        is_exponential=bool(is_exponential),
        on_all_errors=bool(on_all_errors),
    )


def checked_timeout(value: float | None, name: str = "timeout_seconds") -> float | None:
    """Return a timeout in seconds, or None for the client's.

    Raises:
        InvalidArgumentError: It is not above 0.
    """
    found = _checked_seconds(name, value, 1)
    if found == 0:
        raise InvalidArgumentError(f"{name} is invalid: it is 0; give a number above 0")
    return found


def _checked_seconds(name: str, value: object, per_second: int) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value / per_second <= _MAX_SECONDS:
        raise InvalidArgumentError(f"{name} is invalid: {value!r} is outside 0 to one day; give a number in this range")
    return value / per_second
