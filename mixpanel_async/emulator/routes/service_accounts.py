"""Service accounts of organizations and projects, and /api/app/me."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.app.accounts import (
    ACCOUNTS,
    AskedAccount,
    AskedDepartures,
    AskedMemberships,
    Secret,
    file_account,
    new_account,
    shown_account,
    shown_member,
    user_id,
    with_memberships,
    without_project,
)
from mixpanel_async.emulator.http.app_requests import (
    app_routes,
    check_caller,
    check_organization,
    check_user,
    missing,
    read_object,
)
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError, json_reply, results_reply
from mixpanel_async.emulator.state import STATE, ServerState

_Account = dict[str, Any]


async def get_accounts(request: web.Request) -> web.StreamResponse:
    """List the accounts of an organization: those of the projects file, and those that were created."""
    organization, projects, _ = check_organization(request)
    state = request.app[STATE]
    created = await state.run(lambda: _created(state, organization))
    return results_reply([_shown(state, one) for one in (*_of_file(projects), *created)])


async def post_account(request: web.Request) -> web.StreamResponse:
    """Create an account; the reply is the only one with its secret."""
    organization, projects, name = check_organization(request, least="admin")
    state = request.app[STATE]
    asked = await read_object(request, AskedAccount)
    for one in asked.projects:
        _check_project(projects, one.id)
    secret = Secret(secrets.token_hex(3), secrets.token_urlsafe(24))
    account = await state.run(
        lambda: state.store.documents.add(
            organization, ACCOUNTS, lambda new_id: new_account(new_id, asked, secret, name, state.now())
        )
    )
    state.accounts.put(account)
    return results_reply({**_shown(state, account), "token": secret.token}, status=201)


async def get_account(request: web.Request) -> web.StreamResponse:
    """Return one account, without an envelope."""
    organization, projects, _ = check_organization(request)
    state, wanted = request.app[STATE], request.match_info["id"]
    created = await state.run(lambda: _created(state, organization))
    for one in (*_of_file(projects), *created):
        if str(one["id"]) == wanted:
            return json_reply(_shown(state, one))
    raise missing("service account", wanted)


async def delete_account(request: web.Request) -> web.StreamResponse:
    """Delete an account, which leaves all projects."""
    organization, projects, _ = check_organization(request, least="admin")
    state, wanted = request.app[STATE], request.match_info["id"]
    if any(str(one["id"]) == wanted for one in _of_file(projects)):
        raise RefusalError(400, "the account is in the projects file of this server; remove it there")
    documents = state.store.documents

    def write() -> _Account:
        found: _Account | None = documents.get(organization, ACCOUNTS, wanted)
        if found is None:
            raise missing("service account", wanted)
        documents.delete(organization, ACCOUNTS, wanted)
        return found

    state.accounts.remove((await state.run(write))["username"])
    return json_reply({"status": "ok"})


async def get_members(request: web.Request) -> web.StreamResponse:
    """List the accounts that are members of a project."""
    project, _ = check_caller(request)
    state = request.app[STATE]
    found = await state.run(lambda: [body for _, body in state.store.documents.everywhere(ACCOUNTS)])
    members = [(one, "owner") for one in _of_file([project])]
    members += [(one, role) for one in found if (role := one["projects"].get(str(project.id)))]
    return results_reply([shown_member(one, role, state.accounts.last_used(one["username"])) for one, role in members])


async def post_add(request: web.Request) -> web.StreamResponse:
    """Make accounts members of projects."""
    organization, projects, _ = check_organization(request, least="admin")
    asked = await read_object(request, AskedMemberships)
    for project in asked.projects:
        _check_project(projects, project.id)
    state = request.app[STATE]

    def write() -> list[_Account]:
        found = _wanted(state, organization, asked.service_account_ids)
        return _put_all(state, organization, [with_memberships(one, asked.projects) for one in found.values()])

    for account in await state.run(write):
        state.accounts.put(account)
    return json_reply({"status": "ok"})


async def post_remove(request: web.Request) -> web.StreamResponse:
    """End memberships of accounts in projects."""
    organization, projects, _ = check_organization(request, least="admin")
    asked = await read_object(request, AskedDepartures)
    for project in asked.projects:
        _check_project(projects, project.id)
    state = request.app[STATE]

    def write() -> list[_Account]:
        found = _wanted(state, organization, [one for project in asked.projects for one in project.service_account_ids])
        for project in asked.projects:
            for one in project.service_account_ids:
                found[one] = without_project(found[one], project.id)
        return _put_all(state, organization, list(found.values()))

    for account in await state.run(write):
        state.accounts.put(account)
    return json_reply({"status": "ok"})


async def get_me(request: web.Request) -> web.StreamResponse:
    """Return the organizations, projects and workspaces that the credential opens."""
    admission = check_user(request)
    accounts = request.app[STATE].accounts
    name = admission.name or "user@localhost"
    projects = admission.projects
    found = {
        "user_id": user_id(name),
        "user_name": name,
        "user_email": name,
        "organizations": {
            str(one.organization_id): {
                "id": one.organization_id,
                "name": f"Organization {one.organization_id}",
                "role": accounts.role(name, None),
            }
            for one in projects
        },
        "projects": {
            str(one.id): {
                "id": one.id,
                "name": one.name,
                "organization_id": one.organization_id,
                "domain": request.host,
                "timezone": one.timezone,
                "role": accounts.role(name, one.id),
                "workspaces": list(one.workspace_ids),
            }
            for one in projects
        },
        "workspaces": {
            str(workspace): {"id": workspace, "name": "All Project Data", "project_id": one.id, "is_default": not index}
            for one in projects
            for index, workspace in enumerate(one.workspace_ids)
        },
    }
    return results_reply(found)


def _of_file(projects: list[Project]) -> list[_Account]:
    return [file_account(name) for name in sorted({name for one in projects for name in one.service_accounts})]


def _created(state: ServerState, organization: int) -> list[_Account]:
    return [body for _, body in state.store.documents.list(organization, ACCOUNTS)]


def _wanted(state: ServerState, organization: int, ids: Sequence[int]) -> dict[int, _Account]:
    found = {one["id"]: one for one in _created(state, organization)}
    for wanted in ids:
        if wanted not in found:
            raise missing("service account", str(wanted))
    return {wanted: found[wanted] for wanted in ids}


def _put_all(state: ServerState, organization: int, accounts: list[_Account]) -> list[_Account]:
    state.store.documents.put_all(organization, ACCOUNTS, {str(one["id"]): one for one in accounts})
    return accounts


def _check_project(projects: list[Project], asked: int) -> None:
    if not any(one.has_id(str(asked)) for one in projects):
        raise missing("project", str(asked))


def _shown(state: ServerState, account: Mapping[str, Any]) -> _Account:
    return shown_account(account, state.accounts.last_used(account["username"]))


_ROOT = "/api/app/organizations/{organization_id}/service-accounts"
ROUTES = app_routes(
    [
        ("GET", "/api/app/me", get_me),
        ("GET", _ROOT, get_accounts),
        ("POST", _ROOT, post_account),
        ("POST", f"{_ROOT}/add-to-project", post_add),
        ("POST", f"{_ROOT}/remove-from-project", post_remove),
        ("GET", f"{_ROOT}/{{id}}", get_account),
        ("DELETE", f"{_ROOT}/{{id}}", delete_account),
        ("GET", "/api/app/projects/{project_id}/service-accounts", get_members),
    ]
)
