"""`mixpanel-async lookup-tables ...`."""

from typing import Annotated, TypeAlias

import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions import Acknowledgement
from mixpanel_async.actions.lookup_tables import LookupTable
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.options.inputs import read_input
from mixpanel_async.cli.render.output import Output, output_options
from mixpanel_async.cli.render.rows import listed
from mixpanel_async.cli.runner import Yes, acknowledged, add_group, is_confirmed, print_answer
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.redaction import shown

TableId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="Table ID; see lookup-tables list.")]

_options = with_options(output=output_options, server=server_options)


def add(app: typer.Typer) -> None:
    """Add the group."""
    commands = {"list": list_tables, "replace": replace, "delete": delete}
    add_group(app, "lookup-tables", "Manage lookup tables, which add columns to events and profiles.", commands)


@_options
def list_tables(*, output: Output, server: ServerOptions) -> int:
    """List the project's lookup tables.

    Columns: id, name.
    """
    return print_answer(server, output, lambda client: client.lookup_tables.list(), listed(LookupTable))


@_options
def replace(
    table_id: TableId,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="UTF-8 CSV with a header; the first column is the key; - is standard input.",
        ),
    ],
    *,
    timeout_seconds: Annotated[
        float | None,
        typer.Option("--timeout", min=0.001, metavar="SECONDS", help="Timeout of each attempt (default: 60)."),
    ] = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Replace the whole content of a lookup table.

    The file is checked first. If it has duplicate columns, rows of different widths or an empty key, the line is
    reported and nothing is sent.
    """
    data = read_input(file)

    async def call(client: AsyncMixpanel) -> Acknowledgement:
        try:
            return await client.lookup_tables.replace(table_id, data, timeout_seconds=timeout_seconds)
        except InvalidRecordError as error:
            raise InvalidRecordError(f"{shown(file)}, {error.message}; nothing was sent") from None

    return print_answer(server, output, call, acknowledged(table_id))


@_options
def delete(table_id: TableId, *, yes: Yes = False, output: Output, server: ServerOptions) -> int:
    """Delete a lookup table, with all its rows."""
    if not is_confirmed(f"Delete the lookup table {table_id!r}?", yes=yes):
        return 1
    return print_answer(server, output, lambda client: client.lookup_tables.delete(table_id), acknowledged(table_id))
