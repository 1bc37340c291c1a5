"""Requests of the raw export of events."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from mixpanel_async import limits
from mixpanel_async.actions._core.params import Date, Id, check_range, date_range, pairs, text_list
from mixpanel_async.actions._core.raw_retry import checked_timeout
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.session import Request
from mixpanel_async.session.messages import StreamReply


class RawExport(Resource):
    """Requests of the raw export; `mp.export` sends them and checks that a reply is complete.

    Args:
        session: Sends the requests.

    Example:
        ```python
        async for event in mp.export.events("2026-08-01", "2026-08-31"):
            print(event["event"])
        ```
    """

    def request(
        self,
        from_date: Date,
        to_date: Date,
        *,
        event: str | Sequence[str] | None = None,
        where: AnyExpression | None = None,
        limit: int | None = None,
        time_in_ms: bool | None = None,
        is_gzip: bool = True,
        timeout_seconds: float | None = None,
        idle_timeout_seconds: float | None = None,
        project_id: Id | None = None,
    ) -> Request:
        """Return the request for the events of some days.

        Args:
            from_date: First day, inclusive: in UTC, or in the project's time zone if it was created before 2023.
            to_date: Last day, inclusive.
            event: Only this event or these events, also as the text of a JSON array; empty: all.
            where: Expression that filters events; empty: none.
            limit: Maximum number of events, up to 100,000.
            time_in_ms: Return `time` in milliseconds, not seconds.
            is_gzip: Whether the reply may be compressed.
            timeout_seconds: Timeout of each try, including the whole reply.
            idle_timeout_seconds: Longest wait for the next bytes of the reply; without `timeout_seconds`, the reply may
                take as long as it arrives.
            project_id: Project ID (default: the client's).

        Raises:
            InvalidArgumentError: A date is invalid, or `limit` is outside 1-100,000.

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        first, last = date_range(from_date, to_date)
        check_range("limit", limit, 1, limits.EXPORT_MAX_LIMIT)
        # An empty list or text selects nothing: all events are exported.
        given = [] if not event else [event] if isinstance(event, str) else event
        events = text_list("event", [one for one in given if one not in {"", "[]"}], may_be_empty=True)
        events = None if events == "[]" else events
        query = pairs(
            {"project_id": project_id, "from_date": first, "to_date": last, "limit": limit, "event": events,
             "where": None if where is None else str(where) or None, "time_in_ms": time_in_ms}
        )  # fmt: skip
        return Request(
            operation="export",
            method="GET",
            server="data",
            path="/api/2.0/export",
            query=query,
            headers={"Accept-Encoding": "gzip" if is_gzip else "identity"},
            family="export",
            timeout_seconds=checked_timeout(timeout_seconds),
            idle_timeout_seconds=checked_timeout(idle_timeout_seconds, "idle_timeout_seconds"),
            has_project=True,
        )

    def stream(self, request: Request) -> AbstractAsyncContextManager[StreamReply]:
        """Send a request of `request()` and return its reply; the body is not yet read or decompressed.

        Args:
            request: The request.

        Raises:
            ApiError: Mixpanel refused the request.
            TransportError: The reply did not arrive, or broke off while it was read.

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        return self._session.stream(request)
