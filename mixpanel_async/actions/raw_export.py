"""The raw export: events as Mixpanel stored them, as a stream of JSON lines."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from mixpanel_async import limits
from mixpanel_async.actions._core.params import Date, Id, check_range, date_range, json_list, pairs
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.session import Request
from mixpanel_async.session.messages import StreamReply


class RawExport(Resource):
    """The raw export's requests; whether what came is complete is for its reader to judge.

    Args:
        session: Sends the requests.
    """

    def request(
        self,
        from_date: Date,
        to_date: Date,
        *,
        event: str | Sequence[str] | None = None,
        where: str | None = None,
        limit: int | None = None,
        time_in_ms: bool | None = None,
        is_gzip: bool = True,
        timeout_seconds: float | None = None,
        project_id: Id | None = None,
    ) -> Request:
        """Return the request for the events of some days.

        Args:
            from_date: First day, inclusive: UTC, or the project's zone if it was made before 2023.
            to_date: Last day, inclusive.
            event: Only this event or these events.
            where: Expression to filter by.
            limit: Most events, at most 100,000.
            time_in_ms: Give `time` in milliseconds in place of seconds.
            is_gzip: Whether the reply may be compressed.
            timeout_seconds: For each try, its whole reply included.
            project_id: Project; the client's unless given.

        Raises:
            InvalidArgumentError: A date is none, or `limit` is out of range.

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        first, last = date_range(from_date, to_date)
        check_range("limit", limit, 1, limits.EXPORT_MAX_LIMIT)
        project = self._session.project_id if project_id is None else project_id
        query = pairs(
            {"project_id": project, "from_date": first, "to_date": last, "limit": limit, "event": json_list(event),
             "where": where, "time_in_ms": time_in_ms}
        )  # fmt: skip
        return Request(
            operation="export",
            method="GET",
            server="data",
            path="/api/2.0/export",
            query=query,
            headers={"Accept-Encoding": "gzip" if is_gzip else "identity"},
            family="export",
            timeout_seconds=timeout_seconds,
        )

    def stream(self, request: Request) -> AbstractAsyncContextManager[StreamReply]:
        """Send a request of `request()` and give its reply, whose body is neither read nor inflated.

        Args:
            request: What to ask for.

        Raises:
            ApiError: Mixpanel refused.
            TransportError: The reply did not begin, or broke while it was read.

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        return self._session.stream(request)
