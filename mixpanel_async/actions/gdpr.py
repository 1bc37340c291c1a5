"""Retrieval and deletion of users' data, for GDPR and CCPA."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from mixpanel_async import limits
from mixpanel_async.actions._core.params import Id, check_choice, check_whole_number, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import Acknowledgement, ApiObject, read_acknowledgement, read_results
from mixpanel_async.auth import OAuthToken
from mixpanel_async.errors import InvalidArgumentError, MissingCredentialsError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Request

ComplianceType: TypeAlias = Literal["GDPR", "CCPA"]
DisclosureType: TypeAlias = Literal["Data", "Categories", "Sources"]


class ComplianceJob(ApiObject, frozen=True):
    """A retrieval or deletion that was started.

    Attributes:
        task_id: Tracking ID.
    """

    task_id: str


class Retrieval(ApiObject, frozen=True):
    """The state of a retrieval.

    Attributes:
        status: PENDING, STAGING, STARTED, SUCCESS, FAILURE, REVOKED, NOT_FOUND or UNKNOWN.
        results: URL of the data, when it is ready.
        distinct_ids: The users whose data is retrieved.
    """

    status: str
    results: str | None = None
    distinct_ids: list[str] = msgspec.field(default_factory=list)


class Deletion(ApiObject, frozen=True):
    """The state of a deletion.

    Attributes:
        tracking_id: Tracking ID.
        status: PENDING, STAGING, STARTED, SUCCESS, FAILURE, REVOKED, NOT_FOUND or UNKNOWN.
        requesting_user: The user who requested the deletion.
        compliance_type: `GDPR` or `CCPA`.
        project_id: Project ID.
        date_requested: Time of the request, as Mixpanel writes it.
        distinct_ids: The users whose data is deleted.
    """

    tracking_id: str
    status: str
    requesting_user: str | None = None
    compliance_type: str | None = None
    project_id: int | str | None = None
    date_requested: str | None = None
    distinct_ids: list[str] = msgspec.field(default_factory=list)


class Gdpr(Resource):
    """Retrieval and deletion of users' data, for GDPR and CCPA.

    Mixpanel allows one request a second, and needs an OAuth token, not a service account. Each call needs the project
    token.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/gdpr-api

    Example:
        ```python
        job = await mp.gdpr.create_retrieval(["user-1"])
        ```
    """

    async def create_retrieval(
        self,
        distinct_ids: Sequence[str],
        *,
        compliance_type: ComplianceType | None = None,
        disclosure_type: DisclosureType | None = None,
        token: str | None = None,
        credential: OAuthToken | None = None,
    ) -> ComplianceJob:
        """Start a retrieval of users' data and return its tracking ID.

        Args:
            distinct_ids: The users' IDs, 1 to 2,000.
            compliance_type: The law (default: GDPR).
            disclosure_type: What to retrieve; CCPA only.
            token: Project token (default: the client's).
            credential: OAuth token (default: the client's credentials).

        Raises:
            InvalidArgumentError: `distinct_ids` does not have 1 to 2,000 IDs, or `disclosure_type` is given without
                CCPA.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-retrieval

        Example:
            ```python
            job = await mp.gdpr.create_retrieval(["user-1"], compliance_type="CCPA", disclosure_type="Data")
            ```
        """
        check_whole_number("distinct_ids", distinct_ids, limits.GDPR_MAX_DISTINCT_IDS)
        check_choice("disclosure_type", disclosure_type, DisclosureType)
        check_choice("compliance_type", compliance_type, ComplianceType)
        if disclosure_type is not None and compliance_type != "CCPA":
            raise InvalidArgumentError(
                'disclosure_type is invalid: it needs compliance_type "CCPA"; give both or neither'
            )
        body = {"distinct_ids": distinct_ids, "compliance_type": compliance_type, "disclosure_type": disclosure_type}
        request = self._request("create_retrieval", "POST", "/data-retrievals/v3.0", token, credential, body=body)
        return read_results(request, await self._session.send(request), ComplianceJob)

    async def get_retrieval(
        self, tracking_id: Id, *, token: str | None = None, credential: OAuthToken | None = None
    ) -> Retrieval:
        """Return the state of a retrieval and, when it is ready, the URL of the data.

        Args:
            tracking_id: The `task_id` that creating the job returned.
            token: Project token (default: the client's).
            credential: OAuth token (default: the client's credentials).

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-retrieval

        Example:
            ```python
            retrieval = await mp.gdpr.get_retrieval("1583958896131033662")
            print(retrieval.status, retrieval.results)
            ```
        """
        path = f"/data-retrievals/v3.0/{segment('tracking_id', tracking_id)}"
        request = self._request("get_retrieval", "GET", path, token, credential)
        return read_results(request, await self._session.send(request), Retrieval)

    async def create_deletion(
        self,
        distinct_ids: Sequence[str],
        *,
        compliance_type: ComplianceType | None = None,
        token: str | None = None,
        credential: OAuthToken | None = None,
    ) -> ComplianceJob:
        """Start a deletion of users' data and return its tracking ID.

        Args:
            distinct_ids: The users' IDs, 1 to 2,000.
            compliance_type: The law (default: GDPR).
            token: Project token (default: the client's).
            credential: OAuth token (default: the client's credentials).

        Raises:
            InvalidArgumentError: `distinct_ids` does not have 1 to 2,000 IDs.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-deletion

        Example:
            ```python
            job = await mp.gdpr.create_deletion(["user-1", "user-2"])
            ```
        """
        check_whole_number("distinct_ids", distinct_ids, limits.GDPR_MAX_DISTINCT_IDS)
        check_choice("compliance_type", compliance_type, ComplianceType)
        body = {"distinct_ids": distinct_ids, "compliance_type": compliance_type}
        request = self._request("create_deletion", "POST", "/data-deletions/v3.0", token, credential, body=body)
        return read_results(request, await self._session.send(request), ComplianceJob)

    async def get_deletion(
        self, tracking_id: Id, *, token: str | None = None, credential: OAuthToken | None = None
    ) -> Deletion:
        """Return the state of a deletion.

        Args:
            tracking_id: The `task_id` that creating the job returned.
            token: Project token (default: the client's).
            credential: OAuth token (default: the client's credentials).

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-deletion

        Example:
            ```python
            deletion = await mp.gdpr.get_deletion("1583958896131033662")
            ```
        """
        path = f"/data-deletions/v3.0/{segment('tracking_id', tracking_id)}"
        request = self._request("get_deletion", "GET", path, token, credential)
        return read_results(request, await self._session.send(request), Deletion)

    async def cancel_deletion(
        self, tracking_id: Id, *, token: str | None = None, credential: OAuthToken | None = None
    ) -> Acknowledgement:
        """Cancel a deletion that has not started.

        Args:
            tracking_id: The `task_id` that creating the job returned.
            token: Project token (default: the client's).
            credential: OAuth token (default: the client's credentials).

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/delete-deletion

        Example:
            ```python
            await mp.gdpr.cancel_deletion("1583958896131033662")
            ```
        """
        path = f"/data-deletions/v3.0/{segment('tracking_id', tracking_id)}"
        request = self._request("cancel_deletion", "DELETE", path, token, credential)
        return read_acknowledgement(request, await self._session.send(request), empty_at={204})

    def _request(
        self,
        operation: str,
        method: str,
        path: str,
        token: str | None,
        credential: OAuthToken | None,
        *,
        body: Mapping[str, JSONValue] | None = None,
    ) -> Request:
        found = token or self._session.token
        if found is None:
            raise MissingCredentialsError(
                f"gdpr.{operation} needs the project token; give one to the client or the call"
            )
        return app_request(
            f"gdpr.{operation}", method, path, query={"token": found}, body=body, family="gdpr", credential=credential
        )
