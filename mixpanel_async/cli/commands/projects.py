"""`mixpanel-async projects` and `mixpanel-async cohorts`."""

import typer

from mixpanel_async.actions.projects import Project
from mixpanel_async.cli.commands.query import reports
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.render.output import Output, output_options
from mixpanel_async.cli.render.rows import listed
from mixpanel_async.cli.runner import add_group, print_answer


def add(app: typer.Typer) -> None:
    """Add both groups."""
    add_group(app, "projects", "List projects.", {"list": list_projects})
    add_group(app, "cohorts", "List saved cohorts.", {"list": reports.cohorts})


@with_options(output=output_options, server=server_options)
def list_projects(*, output: Output, server: ServerOptions) -> int:
    """List the projects that the credentials can access.

    Columns: id, name, domain, timezone.
    """
    return print_answer(server, output, lambda client: client.projects.list(), listed(Project))
