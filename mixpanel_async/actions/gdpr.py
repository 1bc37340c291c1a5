"""Retrievals and deletions of users' data, for GDPR and CCPA."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from mixpanel_async import limits
from mixpanel_async.actions._core.params import Id, check_whole_number, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import Acknowledgement, ApiObject, read_acknowledgement, read_results
from mixpanel_async.auth import OAuthToken
from mixpanel_async.errors import InvalidArgumentError, MissingCredentialsError
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Request

ComplianceType: TypeAlias = Literal["GDPR", "CCPA"]
DisclosureType: TypeAlias = Literal["Data", "Categories", "Sources"]


class ComplianceJob(ApiObject, frozen=True):
    """A job that was made.

    Attributes:
        task_id: Its tracking id.
    """

    task_id: str | None = None


class Retrieval(ApiObject, frozen=True):
    """How a retrieval stands.

    Attributes:
        status: PENDING, STAGING, STARTED, SUCCESS, FAILURE, REVOKED, NOT_FOUND or UNKNOWN.
        results: Where the data can be downloaded, once there is some.
        distinct_ids: Whose data it is.
    """

    status: str | None = None
    results: str | None = None
    distinct_ids: list[str] = msgspec.field(default_factory=list)


class Deletion(ApiObject, frozen=True):
    """How a deletion stands.

    Attributes:
        tracking_id: Its id.
        status: PENDING, STAGING, STARTED, SUCCESS, FAILURE, REVOKED, NOT_FOUND or UNKNOWN.
        requesting_user: Who asked for it.
        compliance_type: `GDPR` or `CCPA`.
        project_id: Its project.
        date_requested: When it was asked for, as Mixpanel writes it.
        distinct_ids: Whose data is deleted.
    """

    tracking_id: str | None = None
    status: str | None = None
    requesting_user: str | None = None
    compliance_type: str | None = None
    project_id: int | str | None = None
    date_requested: str | None = None
    distinct_ids: list[str] = msgspec.field(default_factory=list)


class Gdpr(Resource):
    """Retrievals and deletions; one request a second, and an OAuth token in place of a service account.

    Args:
        session: Sends the requests.
        token: The project token, which says whose project it is.

    Reference: https://developer.mixpanel.com/reference/gdpr-api
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
        """Ask for the data of some users.

        Args:
            distinct_ids: The users, at most 2000.
            compliance_type: The law; GDPR unless given.
            disclosure_type: What is wanted, under CCPA only.
            token: Project token; the client's unless given.
            credential: OAuth token; the client's credentials unless given.

        Raises:
            InvalidArgumentError: Too many users, or `disclosure_type` without CCPA.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-retrieval
        """
        check_whole_number("distinct_ids", distinct_ids, limits.GDPR_MAX_DISTINCT_IDS)
        if disclosure_type is not None and compliance_type != "CCPA":
            raise InvalidArgumentError('disclosure_type needs compliance_type "CCPA"')
        body = {"distinct_ids": distinct_ids, "compliance_type": compliance_type, "disclosure_type": disclosure_type}
        request = self._request("create_retrieval", "POST", "/data-retrievals/v3.0", token, credential, body=body)
        return read_results(request, await self._session.send(request), ComplianceJob)

    async def get_retrieval(
        self, tracking_id: Id, *, token: str | None = None, credential: OAuthToken | None = None
    ) -> Retrieval:
        """Return how a retrieval stands, and where its data is.

        Args:
            tracking_id: The `task_id` of its creation.
            token: Project token; the client's unless given.
            credential: OAuth token; the client's credentials unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-retrieval
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
        """Ask for the deletion of the data of some users.

        Args:
            distinct_ids: The users, at most 2000.
            compliance_type: The law; GDPR unless given.
            token: Project token; the client's unless given.
            credential: OAuth token; the client's credentials unless given.

        Raises:
            InvalidArgumentError: Too many users.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-deletion
        """
        check_whole_number("distinct_ids", distinct_ids, limits.GDPR_MAX_DISTINCT_IDS)
        body = {"distinct_ids": distinct_ids, "compliance_type": compliance_type}
        request = self._request("create_deletion", "POST", "/data-deletions/v3.0", token, credential, body=body)
        return read_results(request, await self._session.send(request), ComplianceJob)

    async def get_deletion(
        self, tracking_id: Id, *, token: str | None = None, credential: OAuthToken | None = None
    ) -> Deletion:
        """Return how a deletion stands.

        Args:
            tracking_id: The `task_id` of its creation.
            token: Project token; the client's unless given.
            credential: OAuth token; the client's credentials unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-deletion
        """
        path = f"/data-deletions/v3.0/{segment('tracking_id', tracking_id)}"
        request = self._request("get_deletion", "GET", path, token, credential)
        return read_results(request, await self._session.send(request), Deletion)

    async def cancel_deletion(
        self, tracking_id: Id, *, token: str | None = None, credential: OAuthToken | None = None
    ) -> Acknowledgement:
        """Cancel a deletion that has not begun.

        Args:
            tracking_id: The `task_id` of its creation.
            token: Project token; the client's unless given.
            credential: OAuth token; the client's credentials unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-deletion
        """
        path = f"/data-deletions/v3.0/{segment('tracking_id', tracking_id)}"
        request = self._request("cancel_deletion", "DELETE", path, token, credential)
        return read_acknowledgement(request, await self._session.send(request))

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
                f"gdpr.{operation} needs the project token: give one to the client or the call"
            )
        return app_request(
            f"gdpr.{operation}", method, path, query={"token": found}, body=body, family="gdpr", credential=credential
        )
