"""`mixpanel-async projects`."""

import typer

from mixpanel_async.actions.projects import Project
from mixpanel_async.cli.commands.query import reports
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.render.output import Output, output_options
from mixpanel_async.cli.render.rows import listed
from mixpanel_async.cli.runner import add_group, print_answer
from mixpanel_async.errors import InvalidArgumentError


def add(app: typer.Typer) -> None:
    """Add both groups."""
    add_group(app, "projects", "List projects.", {"list": list_projects})
    # The name before `query cohorts`; it still works.
    add_group(app, "cohorts", "List saved cohorts.", {"list": reports.cohorts}, is_hidden=True)


@with_options(output=output_options, server=server_options)
def list_projects(*, output: Output, server: ServerOptions) -> int:
    """List the projects that the credentials can access.

    Columns: id, name, domain, timezone.
    """
    if server.project_id is not None:
        raise InvalidArgumentError("--project-id is invalid: the list is of all projects; omit it")
    return print_answer(server, output, lambda client: client.projects.list(), listed(Project))
