"""Saved funnels, Insights reports and cohorts: saved over the admin endpoints, computed by the Query API."""

import datetime as dt
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from aiohttp import web

from mixpanel_async.emulator.queries.calendar import Zone
from mixpanel_async.emulator.queries.funnels import FunnelDefinition, check_funnel, read_funnel
from mixpanel_async.emulator.queries.insights import InsightsDefinition, read_insights
from mixpanel_async.emulator.queries.parameters import Parameters
from mixpanel_async.emulator.queries.profiles import CohortDefinition, check_cohort, members_sql
from mixpanel_async.emulator.queries.source import QueryContext
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.routes.reports import admit_query, read_parameters, report_reply
from mixpanel_async.emulator.state import STATE

Definition = TypeVar("Definition", FunnelDefinition, InsightsDefinition, CohortDefinition)

_LARGEST_ID: Final = 2**53


class _Place(NamedTuple):
    parameter: str
    kind: str


FUNNELS: Final = _Place("funnel_id", "saved-funnels")
INSIGHTS: Final = _Place("bookmark_id", "saved-insights")
COHORTS: Final = _Place("filter_by_cohort", "saved-cohorts")


async def get_funnel(request: web.Request) -> web.StreamResponse:
    """Compute a saved funnel.

    Raises:
        RefusalError: The credential or a parameter is invalid, the rate limit is exceeded, or there is no such funnel.
    """
    context = admit_query(request, project_token=True)
    parameters = await read_parameters(request)
    definition = await _saved(request, parameters, context, FUNNELS, FunnelDefinition)
    return await report_reply(request, parameters, read_funnel(definition, parameters, context))


async def get_insights(request: web.Request) -> web.StreamResponse:
    """Compute a saved Insights report.

    Raises:
        RefusalError: The credential or a parameter is invalid, the rate limit is exceeded, or there is no such report.
    """
    context = admit_query(request)
    parameters = await read_parameters(request)
    definition = await _saved(request, parameters, context, INSIGHTS, InsightsDefinition)
    return await report_reply(request, parameters, read_insights(definition, context))


async def get_funnels(request: web.Request) -> web.StreamResponse:
    """List the saved funnels.

    Raises:
        RefusalError: The credential is invalid, or the rate limit is exceeded.
    """
    context = admit_query(request, project_token=True)
    state = request.app[STATE]
    found = await state.run(partial(state.store.documents.list, context.project, FUNNELS.kind))
    return json_reply([{"funnel_id": int(funnel_id), "name": body["definition"]["name"]} for funnel_id, body in found])


async def post_cohorts(request: web.Request) -> web.StreamResponse:
    """List the saved cohorts, with the number of their members.

    Raises:
        RefusalError: The credential is invalid, or the rate limit is exceeded.
    """
    context = admit_query(request)
    state = request.app[STATE]
    found = await state.run(partial(state.store.documents.list, context.project, COHORTS.kind))
    cohorts = []
    for cohort_id, body in found:
        cohort = msgspec.convert(body["definition"], CohortDefinition)
        ((count,),) = await state.query(f"SELECT count(*) FROM ({members_sql(context.project, cohort)})")  # noqa: S608
        cohorts.append(
            {
                "count": count,
                "is_visible": int(cohort.is_visible),
                "description": cohort.description,
                "created": body["created"],
                "project_id": context.project,
                "id": int(cohort_id),
                "name": cohort.name,
            }
        )
    return json_reply(cohorts)


async def find_cohort(request: web.Request, parameters: Parameters, context: QueryContext) -> CohortDefinition | None:
    """Return the cohort of `filter_by_cohort`; None if the parameter is missing.

    Raises:
        RefusalError: With 400, if it is not of the form {"id": 7}, or there is no such cohort.
    """
    text = parameters.text("filter_by_cohort")
    if text is None:
        return None
    try:
        asked = msgspec.json.decode(text, type=dict[str, int], strict=False)
    except msgspec.DecodeError:
        asked = {}
    if set(asked) != {"id"}:
        raise RefusalError(400, 'filter_by_cohort is invalid: it is not an object with an id; give {"id": 7}')
    own = Parameters({"filter_by_cohort": str(asked["id"])})
    return await _saved(request, own, context, COHORTS, CohortDefinition)


async def post_admin_funnels(request: web.Request) -> web.StreamResponse:
    """Save a funnel; the body is a `FunnelDefinition`, the query parameter `project_id` its project.

    Raises:
        RefusalError: With 400, if the body is invalid.
    """
    definition = await _definition(request, FunnelDefinition)
    check_funnel(definition)
    return json_reply({"funnel_id": await _save(request, FUNNELS.kind, definition), "name": definition.name})


async def post_admin_insights(request: web.Request) -> web.StreamResponse:
    """Save an Insights report; the body is an `InsightsDefinition`, the query parameter `project_id` its project.

    Raises:
        RefusalError: With 400, if the body is invalid.
    """
    definition = await _definition(request, InsightsDefinition)
    state = request.app[STATE]
    read_insights(definition, QueryContext(0, Zone("UTC"), int(state.now() * 1000)))
    return json_reply({"bookmark_id": await _save(request, INSIGHTS.kind, definition), "name": definition.name})


async def post_admin_cohorts(request: web.Request) -> web.StreamResponse:
    """Save a cohort; the body is a `CohortDefinition`, the query parameter `project_id` its project.

    Raises:
        RefusalError: With 400, if the body is invalid.
    """
    definition = await _definition(request, CohortDefinition)
    check_cohort(definition)
    return json_reply({"id": await _save(request, COHORTS.kind, definition), "name": definition.name})


async def _saved(
    request: web.Request, parameters: Parameters, context: QueryContext, place: _Place, form: type[Definition]
) -> Definition:
    name, kind = place
    parameters.required(name, "the ID of a saved one")
    wanted = parameters.count(name, 0, _LARGEST_ID)
    state = request.app[STATE]
    body: Any = await state.run(partial(state.store.documents.get, context.project, kind, str(wanted)))
    if body is None:
        admin = kind.removeprefix("saved-")
        raise RefusalError(400, f"{name} is unknown: {wanted}; save one with POST /_admin/{admin}, and use its ID")
    return msgspec.convert(body["definition"], form)


async def _definition(request: web.Request, form: type[Definition]) -> Definition:
    try:
        return msgspec.json.decode(await request.read(), type=form)
    except msgspec.DecodeError as error:
        raise RefusalError(400, f"the definition is invalid: {error}; correct it") from error


async def _save(request: web.Request, kind: str, definition: msgspec.Struct) -> int:
    state = request.app[STATE]
    asked = Parameters(request.query).count("project_id", state.projects.first.id, _LARGEST_ID)
    project = state.projects.of_id(asked)
    if project is None:
        raise RefusalError(400, f"project_id is unknown: {asked}; give the ID of a project of this server")
    created = dt.datetime.fromtimestamp(state.now(), dt.UTC).strftime("%Y-%m-%d %H:%M:%S")

    def save() -> int:
        new_id = state.store.documents.new_id()
        body = {"definition": msgspec.to_builtins(definition), "created": created}
        state.store.documents.put(project.id, kind, str(new_id), body)
        return new_id

    return await state.run(save)
