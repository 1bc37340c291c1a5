"""What the action families share: the session, and the ids that paths are built from."""

from typing import Final

from mixpanel_async.actions.arguments import Id, segment
from mixpanel_async.errors import MissingCredentials
from mixpanel_async.session import Session

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"


class Actions:
    """A family of operations over one session.

    Args:
        session: Sends the requests.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def _project_path(self, operation: str, project_id: Id | None, path: str = "") -> str:
        return f"/api/app/projects/{self._project(operation, project_id)}{path}"

    def _project(self, operation: str, project_id: Id | None) -> str:
        found = self._session.project_id if project_id is None else project_id
        if found is None:
            raise MissingCredentials(f"{operation} needs a project_id: give one to the client or the call")
        return segment("project_id", found)

    def _workspace(self, operation: str, workspace_id: Id | None) -> str:
        found = self._session.workspace_id if workspace_id is None else workspace_id
        if found is None:
            raise MissingCredentials(f"{operation} needs a workspace_id: give one to the client or the call")
        return segment("workspace_id", found)
