"""Service accounts of an organization and of a project."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, Unpack

import msgspec

from mixpanel_async.actions._core.params import Id, check_choice, iso_moment, segment
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
        id: Service account ID.
        username: User name, for basic authentication.
        last_used: Time of the last use, ISO 8601.
        expires: Expiry, ISO 8601.
        creator: User ID of the creator.
        created: Creation time, ISO 8601.
        user: ID of the user that the account acts as.
    """

    id: int
    username: str | None = None
    last_used: str | None = None
    expires: str | None = None
    creator: int | None = None
    created: str | None = None
    user: int | None = None


class NewAccount(Account, frozen=True, kw_only=True):
    """A service account that was just created.

    Attributes:
        token: The secret, which Mixpanel returns only once. It is in `raw` but not in the repr.
    """

    token: str

    def __repr__(self) -> str:
        return f"NewAccount(id={self.id!r}, username={self.username!r}, token={REDACTED})"


class ProjectAccount(Account, frozen=True):
    """A service account as a member of a project.

    Attributes:
        has_sensitive_access: Whether the account can read data that is classified as sensitive.
        role: Role in the project.
        role_order: Rank of the role.
        target_type: Origin of the membership: individual, team or organization.
        email: Email address.
    """

    has_sensitive_access: bool | None = msgspec.field(name="hasSensitiveAccess", default=None)
    role: str | None = None
    role_order: int | None = None
    target_type: str | None = None
    email: str | None = None


class ServiceAccounts(Resource):
    """Service accounts of an organization and of its projects.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/service-accounts-api

    Example:
        ```python
        accounts = await mp.service_accounts.list(77)
        ```
    """

    async def list(self, organization_id: Id) -> ApiList[Account]:
        """Return the service accounts of an organization.

        Args:
            organization_id: Organization ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-service-accounts

        Example:
            ```python
            for account in await mp.service_accounts.list(77):
                print(account.username, account.last_used)
            ```
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
        """Create a service account and return it with its secret.

        Args:
            organization_id: Organization ID.
            username: Name of the account.
            role: Role in the organization.
            expires: Expiry: a datetime with a time zone, or ISO 8601 (default: never).
            projects: Role in each project, by project ID.

        Raises:
            InvalidArgumentError: `expires` has no time zone.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-service-account

        Example:
            ```python
            account = await mp.service_accounts.create(77, "nightly-export", projects={1: "analyst"})
            secret = account.token
            ```
        """
        if isinstance(expires, dt.datetime) and expires.tzinfo is None:
            raise InvalidArgumentError("expires is invalid: it has no time zone; give it one, for example datetime.UTC")
        check_choice("role", role, Role)
        roles = None if projects is None else _roles(projects)
        body = {"username": username, "role": role, "expires": iso_moment("expires", expires), "projects": roles}
        request = app_request("service_accounts.create", "POST", _path(organization_id), body=body)
        return read_results(request, await self._session.send(request), NewAccount)

    async def get(self, organization_id: Id, service_account_id: Id) -> Account:
        """Return one service account.

        Args:
            organization_id: Organization ID.
            service_account_id: Service account ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-service-account

        Example:
            ```python
            account = await mp.service_accounts.get(77, 12)
            ```
        """
        path = _path(organization_id, segment("service_account_id", service_account_id))
        request = app_request("service_accounts.get", "GET", path)
        return read_bare_or_results(request, await self._session.send(request), Account)

    async def delete(self, organization_id: Id, service_account_id: Id) -> Acknowledgement:
        """Delete a service account.

        Args:
            organization_id: Organization ID.
            service_account_id: Service account ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/delete-service-account

        Example:
            ```python
            await mp.service_accounts.delete(77, 12)
            ```
        """
        path = _path(organization_id, segment("service_account_id", service_account_id))
        request = app_request("service_accounts.delete", "DELETE", path)
        return read_acknowledgement(request, await self._session.send(request))

    async def list_for_project(self, **scope: Unpack[ProjectScope]) -> ApiList[ProjectAccount]:
        """Return the service accounts of a project.

        Takes the optional argument `project_id` (default: the client's).

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-project-service-accounts

        Example:
            ```python
            accounts = await mp.service_accounts.list_for_project()
            ```
        """
        path = self._project_path("service_accounts.list_for_project", scope, "/service-accounts")
        request = app_request("service_accounts.list_for_project", "GET", path)
        return read_result_list(request, await self._session.send(request), ProjectAccount)

    async def add_to_projects(
        self, organization_id: Id, service_account_ids: Sequence[int], projects: Mapping[int, Role]
    ) -> Acknowledgement:
        """Add service accounts to projects.

        Args:
            organization_id: Organization ID.
            service_account_ids: IDs of the service accounts.
            projects: Role in each project, by project ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/add-service-accounts-to-projects

        Example:
            ```python
            await mp.service_accounts.add_to_projects(77, [12, 13], {1: "analyst"})
            ```
        """
        body = {"projects": _roles(projects), "service_account_ids": service_account_ids}
        path = _path(organization_id, "add-to-project")
        request = app_request("service_accounts.add_to_projects", "POST", path, body=body)
        return read_acknowledgement(request, await self._session.send(request))

    async def remove_from_projects(self, organization_id: Id, projects: Mapping[int, Sequence[int]]) -> Acknowledgement:
        """Remove service accounts from projects.

        Args:
            organization_id: Organization ID.
            projects: IDs of the service accounts to remove, by project ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/remove-service-accounts-from-projects

        Example:
            ```python
            await mp.service_accounts.remove_from_projects(77, {1: [12]})
            ```
        """
        body = {"projects": [{"id": key, "service_account_ids": ids} for key, ids in projects.items()]}
        path = _path(organization_id, "remove-from-project")
        request = app_request("service_accounts.remove_from_projects", "POST", path, body=body)
        return read_acknowledgement(request, await self._session.send(request))


def _path(organization_id: Id, rest: str = "") -> str:
    path = f"/organizations/{segment('organization_id', organization_id)}/service-accounts"
    return f"{path}/{rest}" if rest else path


def _roles(projects: Mapping[int, Role]) -> Sequence[Mapping[str, int | str]]:
    for role in projects.values():
        check_choice("projects", role, Role)
    return [{"id": key, "role": role} for key, role in projects.items()]
