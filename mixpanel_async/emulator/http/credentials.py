"""Credential checks: service account, project secret, OAuth token, and for /import the project token."""

import base64
from typing import Literal, NamedTuple

from aiohttp import web

from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.state import PROJECT, STATE, ServerState


class Admission(NamedTuple):
    """What a credential opens.

    Attributes:
        projects: The projects, at least one.
        kind: A service account, an OAuth token, or a project's secret or token.
        name: User name of the service account; otherwise "".
    """

    projects: list[Project]
    kind: Literal["account", "oauth", "key"]
    name: str = ""


def check_credentials(
    request: web.Request,
    *,
    project_token: bool = False,
    needs_project: bool = True,
    key: str | None = None,
    project_id: str | None = None,
) -> Project:
    """Check the credential of a request and find its project, which is then at `request[PROJECT]`, too.

    The project's ID is the argument, the query parameter `project_id`, or the part `project_id` of the route's path.
    Without any, it is the project of the credential.

    Args:
        request: The request.
        project_token: Whether the endpoint accepts the project token.
        needs_project: Whether a service account must come with a project ID.
        key: The project's secret or token from a parameter, for a request without Authorization.
        project_id: The project's ID from the body.

    Raises:
        RefusalError: With 401, if the credential is missing or wrong, or belongs to another project; with 400, if a
            service account comes without a project ID.
    """
    asked = project_id or request.query.get("project_id") or request.match_info.get("project_id")
    admission = admit(request, project_token=project_token, key=key)
    if admission.kind == "account" and needs_project and asked is None:
        raise RefusalError(400, "project_id is required with a service account")
    admitted = [project for project in admission.projects if asked is None or project.has_id(asked)]
    if not admitted:
        raise RefusalError(401, f"no access to project {asked}")
    request[PROJECT] = admitted[0]
    return admitted[0]


def admit(request: web.Request, *, project_token: bool = False, key: str | None = None) -> Admission:
    """Check the credential of a request and return what it opens.

    Args:
        request: The request.
        project_token: Whether the endpoint accepts the project token.
        key: The project's secret or token from a parameter, for a request without Authorization.

    Raises:
        RefusalError: With 401, if the credential is missing or wrong.
    """
    state = request.app[STATE]
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            admitted = [project for project in state.projects if value and project.admits_oauth(value)]
            if not admitted:
                raise RefusalError(401, "invalid OAuth token")
            return Admission(admitted, "oauth")
        case "basic":
            user, password = _basic_pair(value)
            if password:
                return _admitted_account(state, user, password)
            return Admission(_admitted_by_key(list(state.projects), user, project_token=project_token), "key")
        case "" if key is not None:
            return Admission(_admitted_by_key(list(state.projects), key, project_token=project_token), "key")
    raise RefusalError(401, "credentials are required")


def _admitted_account(state: ServerState, user: str, password: str) -> Admission:
    is_created = state.accounts.admits(user, password, state.now())
    admitted = [
        project
        for project in state.projects
        if user
        and (project.admits_account(user, password) or (is_created and state.accounts.is_member(user, project.id)))
    ]
    if not admitted:
        raise RefusalError(401, "invalid service account credentials")
    state.accounts.note_use(user, state.now())
    return Admission(admitted, "account", user)


def _admitted_by_key(projects: list[Project], key: str, *, project_token: bool) -> list[Project]:
    """Return the projects whose secret or token is `key`: an exact match before an open project."""
    if key:
        exact = [one for one in projects if one.is_named_by(key, token=project_token)]
        admitted = exact or [one for one in projects if one.is_open]
        if admitted:
            return admitted
    raise RefusalError(401, "invalid credentials")


def _basic_pair(value: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError as error:  # not base64, or not text
        raise RefusalError(401, "malformed basic authorization") from error
    return user, password
