"""`mixpanel-async query jql`."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions.query.jql import JQL_TIMEOUT_SECONDS
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.options.inputs import given_json, read_text_input
from mixpanel_async.cli.options.query import WorkspaceId
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.output import Output, ValueSink, output_options
from mixpanel_async.cli.runner import run_call
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.json_types import JSONValue


@with_options(output=output_options, server=server_options)
def jql(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="Script file in UTF-8; - is standard input. Excludes --script."),
    ] = None,
    *,
    script: Annotated[
        str | None, typer.Option("--script", metavar="JAVASCRIPT", help="Script text; excludes FILE.")
    ] = None,
    params: Annotated[
        str | None,
        typer.Option("--params", metavar="JSON|@FILE", help="JSON for the global params of the script; @- is stdin."),
    ] = None,
    timeout_seconds: Annotated[
        float,
        typer.Option(
            "--timeout",
            min=0.001,
            metavar="SECONDS",
            help="Timeout of each attempt, up to its last row; Mixpanel stops a script after two minutes.",
        ),
    ] = JQL_TIMEOUT_SECONDS,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Run a JQL script (JavaScript with a function main) and print its rows.

    Columns: the fields of the rows, or value if a row is not an object. JSON and ndjson are printed as the rows arrive,
    each row unchanged; a table and CSV at the end.
    """
    if (file is None) == (script is None):
        raise InvalidArgumentError("the script is missing or given twice; give either FILE or --script")
    text = script if script is not None else read_text_input(file or "")
    values = given_json("--params", params)

    async def read(client: AsyncMixpanel) -> int:
        rows = client.query.jql_stream(text, values, timeout_seconds=timeout_seconds, workspace_id=workspace_id)
        async with aclosing(rows):
            await _print_rows(rows, output)
        return 0

    return run_call(server, read)


async def _print_rows(rows: AsyncGenerator[JSONValue, None], output: Output) -> None:
    form = output.form_of()
    if not output.is_raw and form in {"table", "csv"}:
        output.print([row async for row in rows])
        return
    sink = ValueSink(is_array=output.is_raw or form == "json")
    async for row in rows:
        sink.add(row)
    sink.close()
    stdout.flush()
