"""Projects that the credentials can access."""

import msgspec

from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import ApiList, ApiObject, keep_body, read_json, read_part
from mixpanel_async.session import Request


class Project(ApiObject, frozen=True):
    """A project.

    Attributes:
        id: Project ID, for `project_id`.
        name: Name.
        domain: Domain of its servers, for example `mixpanel.com`.
        timezone: Time zone, for example `US/Pacific`.
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
    projects: dict[str, msgspec.Raw]


class _Me(msgspec.Struct, frozen=True):
    results: _Results


class Projects(Resource):
    """The projects that the client's credentials can access.

    Args:
        session: Sends the requests.

    Example:
        ```python
        projects = await mp.projects.list()
        ```
    """

    async def list(self) -> ApiList[Project]:
        """Return the projects that the client's credentials can access.

        Mixpanel's reference does not describe this operation. The reply is expected to be `{"status": "ok", "results":
        {"projects": {"<id>": {"name": ..., ...}}, ...}}`. The `raw` of a project has its other fields; the `raw` of the
        list has the organizations and workspaces.

        Raises:
            ApiError: Mixpanel refused the request.
            UnexpectedReplyError: The reply has no `results` with `projects`, or the key of a project is not an ID.

        Reference: https://developer.mixpanel.com/reference/service-accounts

        Example:
            ```python
            for project in await mp.projects.list():
                print(project.id, project.name)
            ```
        """
        request = Request(operation="projects.list", method="GET", server="app", path="/api/app/me")
        reply = await self._session.send(request)
        projects = ApiList[Project](body=reply.body)
        for key, part in read_json(request, reply, _Me).results.projects.items():
            found = read_part(request, reply, _Found, part, "an item of the reply")
            project_id = read_part(request, reply, int, key.encode(), "the key of a project")
            project = Project(project_id, found.name, found.domain, found.timezone)
            projects.append(keep_body(project, bytes(part)))
        return projects
