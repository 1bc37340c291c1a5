"""The projects that a credential can see."""

import msgspec

from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import ApiList, ApiObject, keep_body, read_json
from mixpanel_async.session import Request


class Project(ApiObject, frozen=True):
    """A project.

    Attributes:
        id: Its id, for `project_id`.
        name: Its name.
        domain: Address of its servers' region, for example `mixpanel.com`.
        timezone: Its time zone, for example `US/Pacific`.
    """

    id: int
    name: str | None = None
    domain: str | None = None
    timezone: str | None = None


class _Found(msgspec.Struct, frozen=True):
    name: str | None = None
    domain: str | None = None
    timezone: str | None = None


class _Results(msgspec.Struct, frozen=True):
    projects: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)


class _Me(msgspec.Struct, frozen=True):
    results: _Results


class Projects(Resource):
    """The projects that a credential can see.

    Args:
        session: Sends the requests.
    """

    async def list(self) -> ApiList[Project]:
        """Return the projects that the client's credentials can see.

        Mixpanel's reference does not describe the operation. The reply is read as
        `{"status": "ok", "results": {"projects": {"<id>": {"name": ..., ...}}, ...}}`; a project's other fields are in
        its `raw`, and what the reply says of organizations and workspaces is in the list's `raw`.

        Raises:
            ApiError: Mixpanel refused.
            UnexpectedReplyError: The reply has no `results`, or a project's key is no id.

        Reference: https://developer.mixpanel.com/reference/service-accounts
        """
        request = Request(operation="projects.list", method="GET", server="app", path="/api/app/me")
        reply = await self._session.send(request)
        projects = ApiList[Project](body=reply.body)
        for key, part in read_json(request, reply, _Me).results.projects.items():
            found = read_json(request, reply, _Found, part)
            project_id = read_json(request, reply, int, key.encode())
            project = Project(project_id, found.name, found.domain, found.timezone)
            projects.append(keep_body(project, bytes(part)))
        return projects
