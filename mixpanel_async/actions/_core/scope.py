"""The project and the workspace of one call."""

from collections.abc import Mapping
from typing import TypedDict, cast

from mixpanel_async.actions._core.params import Id, check_number
from mixpanel_async.errors import InvalidArgumentError


class ProjectScope(TypedDict, total=False):
    """Selects the project of one call.

    Attributes:
        project_id: Project ID (default: the client's).
    """

    project_id: Id | None


class WorkspaceScope(TypedDict, total=False):
    """Selects the workspace of one call.

    Attributes:
        workspace_id: Workspace ID (default: the client's).
    """

    workspace_id: Id | None


class Scope(ProjectScope, WorkspaceScope, total=False):
    """Selects the project and the workspace of one call.

    Attributes:
        project_id: Project ID (default: the client's).
        workspace_id: Workspace ID (default: the client's).

    Example:
        ```python
        report = await mp.query.insights(9005, project_id=42, workspace_id=7)
        ```
    """


def scope_fields(
    operation: str, scope: Mapping[str, object], allowed: type[Mapping[str, object]]
) -> dict[str, Id | None]:
    """Return the ids in `scope`; an id that is not given is None.

    Args:
        operation: The call, for the error.
        scope: The keyword arguments that the call does not name itself.
        allowed: `Scope`, `ProjectScope` or `WorkspaceScope`.

    Raises:
        InvalidArgumentError: `scope` has a key that `allowed` does not have.
    """
    given = cast("Mapping[str, Id | None]", scope)
    unknown = given.keys() - allowed.__annotations__
    if unknown:
        names, known = (", ".join(sorted(found)) for found in (unknown, allowed.__annotations__))
        raise InvalidArgumentError(f"{operation}: unknown argument {names}; optional arguments include {known}")
    for name, value in given.items():
        if name in Scope.__annotations__:
            check_number(name, value)
    return {name: given.get(name) for name in allowed.__annotations__}
