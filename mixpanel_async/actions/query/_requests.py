"""Requests and arguments of the Query API."""

from typing import Final, Literal, TypeAlias

from mixpanel_async.actions._core.params import (
    Date,
    Field,
    check_exclusive,
    check_range,
    date_range,
    pairs,
)
from mixpanel_async.actions._core.scope import Scope, scope_fields
from mixpanel_async.auth import Credential
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.session import Request

Unit: TypeAlias = Literal["day", "week", "month"]
Type: TypeAlias = Literal["general", "unique", "average"]
PeriodUnit: TypeAlias = Literal["minute", "hour", "day", "week", "month"]
ReplyFormat: TypeAlias = Literal["json", "csv"]
MAX_SEGMENTS: Final = 10_000  # segmentation-query, funnels-query: limit


def query_request(
    operation: str,
    path: str,
    scope: Scope,
    *,
    method: Literal["GET", "POST"] = "GET",
    credential: Credential | None = None,
    takes_token: bool = False,
    **query: Field,
) -> Request:
    """Return a request to the Query API, which can be retried because it only reads.

    Args:
        operation: The method of `Query`, for errors and logs.
        path: Path below `/api/query`.
        scope: The ids that the caller gave.
        method: HTTP method.
        credential: Sent in place of the client's.
        takes_token: Whether the project token is a credential for it.
        **query: Query parameters; None: not given.
    """
    return Request(
        operation=f"query.{operation}",
        method=method,
        server="query",
        path=f"/api/query{path}",
        query=pairs({**query, **scope_fields(f"query.{operation}", scope, Scope)}),
        credential=credential,
        takes_token=takes_token,
        has_project=True,
        has_workspace=True,
        family="query",
        is_repeatable=True,
    )


def check_limit(limit: int | None) -> None:
    """Refuse a limit that is out of range; without `on` it does nothing, as Mixpanel documents.

    Raises:
        InvalidArgumentError: `limit` is outside 1-10,000.
    """
    check_range("limit", limit, 1, MAX_SEGMENTS)


def check_interval(interval: int | None, unit: Unit | None) -> None:
    """Refuse an interval beside a unit, which is another way to say it; 1, the default of `interval`, may stay.

    Raises:
        InvalidArgumentError: Both say how much a bucket holds.
    """
    check_range("interval", interval, 1, MAX_SEGMENTS)
    if interval != 1:
        check_exclusive(interval=interval, unit=unit)


def period(from_date: Date | None, to_date: Date | None, interval: int | None) -> tuple[str | None, str | None]:
    """Return the dates of a call that takes either them or an interval.

    Raises:
        InvalidArgumentError: Not exactly one of both dates and `interval` is given.
    """
    check_exclusive(interval=interval, from_date=from_date)
    check_exclusive(interval=interval, to_date=to_date)
    if interval is not None:
        check_range("interval", interval, 1, 10_000)
        return None, None
    if from_date is None or to_date is None:
        raise InvalidArgumentError("the period is missing: give from_date and to_date, or interval")
    return date_range(from_date, to_date)


def as_format(value: ReplyFormat) -> str | None:
    """Return the format, or None for Mixpanel's default.

    Raises:
        InvalidArgumentError: `value` is neither json nor csv.
    """
    if value not in {"json", "csv"}:
        raise InvalidArgumentError(f"format is invalid: {value!r} is not a format of replies; choose json or csv")
    return None if value == "json" else value
