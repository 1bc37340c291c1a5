"""Requests to the app API: who calls, what the body says, and errors in its form."""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, TypeAlias, TypeVar

import msgspec
from aiohttp import web

from mixpanel_async.emulator.app.accounts import RANKS, Role
from mixpanel_async.emulator.http.credentials import Admission, admit
from mixpanel_async.emulator.http.request_body import decode_json, read_body
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.state import PROJECT, STATE

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = TypeVar("Body", bound=msgspec.Struct)

_MAX_BODY_BYTES = 10_000_000


class Caller(NamedTuple):
    """Who sends a request.

    Attributes:
        project: The project that it is about.
        name: User name of the service account; "" for an OAuth token.
    """

    project: Project
    name: str


def app_routes(rows: Iterable[tuple[str, str, Handler]], *, has_type: bool = False) -> list[web.RouteDef]:
    """Return routes of the app API, whose errors have its form.

    Args:
        rows: HTTP method, path and handler of each route.
        has_type: Whether an error has a `type`, as those of experiments and feature flags do.
    """
    return [web.route(method, path, _in_app_form(handler, has_type=has_type)) for method, path, handler in rows]


def check_caller(request: web.Request, *, least: Role = "consumer") -> Caller:
    """Check the credential of a request about a project or workspace; both are parts of the route's path.

    Args:
        request: The request.
        least: The role that the caller needs in the project.

    Raises:
        RefusalError: With 401, if the credential is missing, wrong or not a service account or OAuth token; with 403,
            if it does not open the project or workspace, or the role does not suffice.
    """
    admission = _admitted_user(request)
    asked, workspace = request.match_info.get("project_id"), request.match_info.get("workspace_id")
    found = [
        one
        for one in admission.projects
        if (asked is None or one.has_id(asked)) and (workspace is None or one.has_workspace(workspace))
    ]
    if not found:
        what = f"workspace {workspace}" if workspace is not None else f"project {asked}"
        raise RefusalError(403, f"no access to {what}")
    project = request[PROJECT] = found[0]
    _check_role(request, admission, project.id, least)
    return Caller(project, admission.name)


def check_organization(request: web.Request, *, least: Role = "consumer") -> tuple[int, list[Project], str]:
    """Check the credential of a request about an organization, which is a part of the route's path.

    Args:
        request: The request.
        least: The role that the caller needs in the organization.

    Returns:
        The organization's ID, its projects that the caller may use, and the caller's name.

    Raises:
        RefusalError: With 401, if the credential is missing or wrong; with 403, if it does not open the organization,
            or the role does not suffice; with 404, if the ID is not a number.
    """
    admission = _admitted_user(request)
    asked = request.match_info["organization_id"]
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 15):  # noqa: PLR2004 - fits into a column
        raise RefusalError(404, f"organization {asked} was not found")
    projects = [project for project in admission.projects if project.has_organization(asked)]
    if not projects:
        raise RefusalError(403, f"no access to organization {asked}")
    _check_role(request, admission, None, least)
    return int(asked), projects, admission.name


def check_user(request: web.Request) -> Admission:
    """Check the credential of a request that is about no project.

    Raises:
        RefusalError: With 401, if it is missing, wrong or not a service account or OAuth token.
    """
    return _admitted_user(request)


async def read_object(request: web.Request, form: type[Body]) -> Body:
    """Return the JSON body of a request.

    Raises:
        RefusalError: With 400, if it is not of that form; with 413, if it is too large.
    """
    # Decoded by what encodes it again, so that nothing is kept that a reply could not hold: whole numbers of 30 digits.
    body = decode_json(await read_body(request, _MAX_BODY_BYTES) or b"{}")
    try:
        return msgspec.convert(body, form)
    except msgspec.ValidationError as error:
        raise RefusalError(400, f"the body is invalid: {error}; correct it") from error


def missing(what: str, given_id: str) -> RefusalError:
    """Return the error for an ID that names nothing."""
    return RefusalError(404, f"{what} {given_id!r} was not found")


def _admitted_user(request: web.Request) -> Admission:
    admission = admit(request)
    if admission.kind == "key":
        raise RefusalError(401, "the secret of a project is not accepted here; use a service account")
    return admission


def _check_role(request: web.Request, admission: Admission, project: int | None, least: Role) -> None:
    role = request.app[STATE].accounts.role(admission.name, project)
    if RANKS[role] > RANKS[least]:
        raise RefusalError(403, f"the role {role} does not suffice; use an account with the role {least} or higher")


def _in_app_form(handler: Handler, *, has_type: bool) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusalError as refusal:
            return refusal.app_reply(has_type=has_type)

    return handle
