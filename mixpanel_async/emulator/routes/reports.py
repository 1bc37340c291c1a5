"""GET /api/query/*: reports that are computed from the stored events, and those that cannot be."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

import orjson
from aiohttp import web

from mixpanel_async.emulator.http.credentials import check_credentials
from mixpanel_async.emulator.http.request_body import decode_form, decode_json, read_body
from mixpanel_async.emulator.queries.activity import read_activity
from mixpanel_async.emulator.queries.calendar import Zone
from mixpanel_async.emulator.queries.frequency import read_frequency
from mixpanel_async.emulator.queries.names import (
    read_event_names,
    read_top_events,
    read_top_properties,
    read_top_values,
)
from mixpanel_async.emulator.queries.numeric import read_averages, read_ranges, read_sums
from mixpanel_async.emulator.queries.parameters import Parameters
from mixpanel_async.emulator.queries.reports import Query
from mixpanel_async.emulator.queries.retention import read_retention
from mixpanel_async.emulator.queries.segmentation import (
    read_event_counts,
    read_property_counts,
    read_segmentation,
)
from mixpanel_async.emulator.queries.source import QueryContext
from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.state import STATE

Reader: TypeAlias = Callable[[Parameters, QueryContext], Query]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

# The reports whose parameters say everything, by path.
READERS: Final[Mapping[str, Reader]] = {
    "/api/query/segmentation": read_segmentation,
    "/api/query/segmentation/numeric": read_ranges,
    "/api/query/segmentation/sum": read_sums,
    "/api/query/segmentation/average": read_averages,
    "/api/query/events": read_event_counts,
    "/api/query/events/top": read_top_events,
    "/api/query/events/names": read_event_names,
    "/api/query/events/properties": read_property_counts,
    "/api/query/events/properties/top": read_top_properties,
    "/api/query/events/properties/values": read_top_values,
    "/api/query/retention": read_retention,
    "/api/query/retention/addiction": read_frequency,
    "/api/query/stream/query": read_activity,
}


def report_of(read: Reader) -> Handler:
    """Return the handler of a report.

    Args:
        read: Reads the parameters of a request.
    """

    async def get_report(request: web.Request) -> web.StreamResponse:
        context = admit_query(request)
        parameters = await read_parameters(request)
        return await report_reply(request, parameters, read(parameters, context))

    return get_report


async def post_jql(request: web.Request) -> web.StreamResponse:
    """Refuse a JQL script: the local server does not run scripts.

    Raises:
        RefusalError: Always; with 501, if the credential is valid.
    """
    admit_query(request)
    raise RefusalError(
        501,
        "the local server does not run JQL; use a query that it computes: segmentation for counts by event and"
        " property, retention, funnels, /api/query/engage for profiles, or /api/2.0/export with where for the events",
    )


def admit_query(request: web.Request, *, project_token: bool = False) -> QueryContext:
    """Check the credential and the rate limit of a query.

    Args:
        request: The request.
        project_token: Whether the endpoint accepts the project token.

    Raises:
        RefusalError: The credential is invalid, or the rate limit is exceeded.
    """
    state = request.app[STATE]
    project = check_credentials(request, project_token=project_token)
    state.admit_call(state.windows_of(project).query, state.limits.query_per_hour)
    return QueryContext(project.id, Zone(project.timezone), int(state.now() * 1000))


async def read_parameters(request: web.Request) -> Parameters:
    """Return the parameters of the query and, with POST, of the body: a form, or a JSON object as some clients send.

    Raises:
        RefusalError: The body is neither, or too large.
    """
    if request.method == "GET":
        return Parameters(request.query)
    body = await read_body(request, request.app[STATE].limits.max_batch_bytes)
    fields = _json_fields(body) if body.lstrip().startswith(b"{") else decode_form(body)
    return Parameters({**request.query, **fields})


def _json_fields(body: bytes) -> dict[str, str]:
    """Return the fields of a JSON object as a form has them: text as it is, anything else as JSON."""
    found = decode_json(body)
    return {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in found.items()
        if value is not None
    }


async def report_reply(request: web.Request, parameters: Parameters, query: Query) -> web.StreamResponse:
    """Compute a query and return its reply, as JSON or CSV.

    Raises:
        RefusalError: The query takes too long, its reply is too large, or it has no CSV.
    """
    is_csv = parameters.is_csv()
    state = request.app[STATE]
    rows = await state.query(query.sql())
    report = await state.run(partial(query.report, rows))
    if is_csv:
        return web.Response(text=await state.run(report.as_csv), content_type="text/csv")
    body = await state.run(partial(orjson.dumps, report.body))
    return web.Response(body=body, content_type="application/json")
