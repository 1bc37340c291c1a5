"""`mixpanel-async projects` and `mixpanel-async cohorts`."""

import typer

from mixpanel_async.actions.projects import Project
from mixpanel_async.cli import query_reports
from mixpanel_async.cli.answer_rows import listed
from mixpanel_async.cli.answering import add_group, print_answer
from mixpanel_async.cli.groups import with_options
from mixpanel_async.cli.options import Server, server_options
from mixpanel_async.cli.output import Output, output_options


def add(app: typer.Typer) -> None:
    """Add both groups."""
    add_group(app, "projects", "The projects that the credentials can see.", {"list": list_projects})
    add_group(app, "cohorts", "The project's saved cohorts.", {"list": query_reports.cohorts})


@with_options(output=output_options, server=server_options)
def list_projects(*, output: Output, server: Server) -> int:
    """List the projects that the credentials can see.

    Columns: id, name, domain, timezone.
    """
    return print_answer(server, output, lambda client: client.projects.list(), listed(Project))
