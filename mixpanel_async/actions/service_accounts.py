"""Service accounts of an organization and of a project."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, Unpack

import msgspec

from mixpanel_async.actions._core.params import Id, iso_moment, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import (
    Acknowledgement,
    ApiList,
    ApiObject,
    read_acknowledgement,
    read_bare_or_results,
    read_result_list,
    read_results,
)
from mixpanel_async.actions._core.scope import ProjectScope
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.redaction import REDACTED

Role: TypeAlias = Literal["owner", "admin", "analyst", "consumer"]


class Account(ApiObject, frozen=True):
    """A service account.

    Attributes:
        id: Its id.
        username: Its name, for basic auth.
        last_used: When it was used last, ISO 8601.
        expires: When it ends, ISO 8601.
        creator: Id of the user who made it.
        created: When that was, ISO 8601.
        user: Id of the user that it acts as.
    """

    id: int | None = None
    username: str | None = None
    last_used: str | None = None
    expires: str | None = None
    creator: int | None = None
    created: str | None = None
    user: int | None = None


class NewAccount(Account, frozen=True):
    """A service account that was just made.

    Attributes:
        token: Its secret, which Mixpanel shows this once; no representation of this object shows it, its `raw` does.
    """

    token: str | None = None

    def __repr__(self) -> str:
        return f"NewAccount(id={self.id!r}, username={self.username!r}, token={REDACTED})"


class ProjectAccount(Account, frozen=True):
    """A service account as a member of a project.

    Attributes:
        has_sensitive_access: Whether it sees data that is classified as sensitive.
        role: Its role.
        role_order: Rank of that role.
        target_type: Where the membership comes from: individual, team or organization.
        email: Its address.
    """

    has_sensitive_access: bool | None = msgspec.field(name="hasSensitiveAccess", default=None)
    role: str | None = None
    role_order: int | None = None
    target_type: str | None = None
    email: str | None = None


class ServiceAccounts(Resource):
    """Service accounts.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/service-accounts-api
    """

    async def list(self, organization_id: Id) -> ApiList[Account]:
        """Return the service accounts of an organization.

        Args:
            organization_id: The organization.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-service-accounts
        """
        request = app_request("service_accounts.list", "GET", _path(organization_id))
        return read_result_list(request, await self._session.send(request), Account)

    async def create(
        self,
        organization_id: Id,
        username: str,
        *,
        role: Role | None = None,
        expires: dt.datetime | str | None = None,
        projects: Mapping[int, Role] | None = None,
    ) -> NewAccount:
        """Make a service account.

        Args:
            organization_id: The organization.
            username: Its name.
            role: Its role in the organization.
            expires: When it ends: a datetime with a zone, or ISO 8601; never unless given.
            projects: Its role in each project, by the project's id.

        Raises:
            InvalidArgumentError: `expires` has no zone.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-service-account
        """
        if isinstance(expires, dt.datetime) and expires.tzinfo is None:
            raise InvalidArgumentError("expires has no zone; give it one, for example datetime.timezone.utc")
        roles = None if projects is None else _roles(projects)
        body = {"username": username, "role": role, "expires": iso_moment("expires", expires), "projects": roles}
        request = app_request("service_accounts.create", "POST", _path(organization_id), body=body)
        return read_results(request, await self._session.send(request), NewAccount)

    async def get(self, organization_id: Id, service_account_id: Id) -> Account:
        """Return one service account.

        Args:
            organization_id: The organization.
            service_account_id: The account.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-service-account
        """
        path = _path(organization_id, segment("service_account_id", service_account_id))
        request = app_request("service_accounts.get", "GET", path)
        return read_bare_or_results(request, await self._session.send(request), Account)

    async def delete(self, organization_id: Id, service_account_id: Id) -> Acknowledgement:
        """Delete a service account.

        Args:
            organization_id: The organization.
            service_account_id: The account.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-service-account
        """
        path = _path(organization_id, segment("service_account_id", service_account_id))
        request = app_request("service_accounts.delete", "DELETE", path)
        return read_acknowledgement(request, await self._session.send(request))

    async def list_for_project(self, **scope: Unpack[ProjectScope]) -> ApiList[ProjectAccount]:
        """Return the service accounts of a project.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-project-service-accounts
        """
        path = self._project_path("service_accounts.list_for_project", scope, "/service-accounts")
        request = app_request("service_accounts.list_for_project", "GET", path)
        return read_result_list(request, await self._session.send(request), ProjectAccount)

    async def add_to_projects(
        self, organization_id: Id, service_account_ids: Sequence[int], projects: Mapping[int, Role]
    ) -> Acknowledgement:
        """Make service accounts members of projects.

        Args:
            organization_id: The organization.
            service_account_ids: The accounts.
            projects: Their role in each project, by the project's id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/add-service-accounts-to-projects
        """
        body = {"projects": _roles(projects), "service_account_ids": service_account_ids}
        path = _path(organization_id, "add-to-project")
        request = app_request("service_accounts.add_to_projects", "POST", path, body=body)
        return read_acknowledgement(request, await self._session.send(request))

    async def remove_from_projects(self, organization_id: Id, projects: Mapping[int, Sequence[int]]) -> Acknowledgement:
        """End memberships of service accounts in projects.

        Args:
            organization_id: The organization.
            projects: Ids of the accounts that leave, by the project's id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/remove-service-accounts-from-projects
        """
        body = {"projects": [{"id": key, "service_account_ids": ids} for key, ids in projects.items()]}
        path = _path(organization_id, "remove-from-project")
        request = app_request("service_accounts.remove_from_projects", "POST", path, body=body)
        return read_acknowledgement(request, await self._session.send(request))


def _path(organization_id: Id, rest: str = "") -> str:
    path = f"/organizations/{segment('organization_id', organization_id)}/service-accounts"
    return f"{path}/{rest}" if rest else path


def _roles(projects: Mapping[int, Role]) -> Sequence[Mapping[str, int | str]]:
    return [{"id": key, "role": role} for key, role in projects.items()]
