"""The base class of all groups of API calls."""

from collections.abc import Mapping
from typing import Final

from mixpanel_async.actions._core.params import Field, Id, json_body, pairs, segment
from mixpanel_async.actions._core.scope import ProjectScope, WorkspaceScope, scope_fields
from mixpanel_async.auth import Credential
from mixpanel_async.errors import MissingCredentialsError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Request, Session
from mixpanel_async.session.messages import Family

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"


class Resource:
    """A group of API calls that share one session.

    Args:
        session: Sends the requests.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def _project_path(
        self, operation: str, scope: ProjectScope, path: str = "", *, allowed: type[ProjectScope] = ProjectScope
    ) -> str:
        project_id = self._project_id(operation, scope, allowed=allowed)
        if project_id is None:
            raise MissingCredentialsError(f"{operation} needs a project_id; give one to the client or the call")
        return f"/projects/{segment('project_id', project_id)}{path}"

    def _project_id(
        self, operation: str, scope: ProjectScope, *, allowed: type[ProjectScope] = ProjectScope
    ) -> Id | None:
        found = scope_fields(operation, scope, allowed)["project_id"]
        return self._session.project_id if found is None else found

    def _workspace_path(self, operation: str, scope: WorkspaceScope, *, allowed: type[WorkspaceScope]) -> str:
        workspace_id = self._workspace_id(operation, scope, allowed=allowed)
        if workspace_id is None:
            raise MissingCredentialsError(f"{operation} needs a workspace_id; give one to the client or the call")
        return f"/workspaces/{segment('workspace_id', workspace_id)}"

    def _workspace_id(self, operation: str, scope: WorkspaceScope, *, allowed: type[WorkspaceScope]) -> Id | None:
        found = scope_fields(operation, scope, allowed)["workspace_id"]
        return self._session.workspace_id if found is None else found


def app_request(
    operation: str,
    method: str,
    path: str,
    *,
    query: Mapping[str, Field] | None = None,
    body: Mapping[str, JSONValue] | None = None,
    family: Family = "app",
    records: int = 0,
    credential: Credential | None = None,
    is_repeatable: bool | None = None,
) -> Request:
    """Return a request to the app server.

    Args:
        operation: Name in errors and logs.
        method: HTTP method.
        path: Path below `/api/app`.
        query: Query parameters; None omits a parameter.
        body: Fields of a JSON object; None omits a field. None: no body.
        family: The rate limits that the request counts against.
        records: Number of entities in it, for the rate limits.
        credential: Replaces the client's credentials.
        is_repeatable: Whether sending the request twice has the same effect as once (default: depends on the method).
    """
    return Request(
        operation=operation,
        method=method,
        server="app",
        path=f"/api/app{path}",
        query=pairs(query or {}),
        body=None if body is None else json_body(body),
        content_type=None if body is None else JSON,
        family=family,
        records=records,
        credential=credential,
        is_repeatable=is_repeatable,
    )
