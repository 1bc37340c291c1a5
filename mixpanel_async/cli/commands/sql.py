"""`mixpanel-async sql`."""

# ruff: noqa: A002 - `format` is the name of the option

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

import typer

from mixpanel_async.cli.job_runner import run_until_terminated
from mixpanel_async.cli.options.inputs import read_text_input
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.encoders import Form
from mixpanel_async.cli.render.output import Output
from mixpanel_async.cli.render.result_file import write_result
from mixpanel_async.cli.runner import add_command
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.lake.query import lake_query
from mixpanel_async.jobs.sources.locations import STDIN
from mixpanel_async.jobs.worker_thread import WorkerThread

_FROM_FILE = "@"
_INTERRUPTS: Final = 50
_INTERRUPT_SECONDS: Final = 0.1


def sql(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="Directory that sync-export wrote.")],
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="A SELECT; @FILE reads it from a file, - from standard input.")
    ],
    *,
    format: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="Print the rows as a table, as a JSON array of objects, as CSV, or as one JSON object per line "
            "(default: table on a terminal, json otherwise).",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="FILE", help="Write the rows to this file: .csv, .json, .ndjson or .parquet."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--force", help="Replace the file of --output if it exists.")] = False,
) -> int:
    """Query a lake of exported events with SQL (DuckDB).

    The table events has each event once, as Mixpanel's deduplication leaves it; events_raw has all that was exported.
    Columns: event, time (UTC), distinct_id, insert_id, properties (JSON), the properties that sync-export made columns,
    and date. A property as text is properties->>'plan', and properties->>'$."$city"' if its name has a sign. The query
    reads nothing but the lake, and writes nothing.
    """
    if output is not None and format is not None:
        raise InvalidArgumentError("--format and --output exclude each other; the suffix of the file says its format")
    if query == STDIN or query.startswith(_FROM_FILE):
        query = read_text_input(query.removeprefix(_FROM_FILE))
    with lake_query(directory, query) as result:

        def answer() -> None:
            if output is not None:
                write_result(result, output, overwrite=overwrite)
                return
            sink = Output(format).sink(result.columns)
            for row in result.rows():
                sink.add(row)
            sink.close()
            stdout.flush()

        run_until_terminated(lambda: _interruptible(answer, result.interrupt))
    return 0


async def _interruptible(work: Callable[[], None], interrupt: Callable[[], None]) -> None:
    """Run a query on a thread, because DuckDB lets no signal through; a cancellation interrupts it."""
    thread = WorkerThread("mixpanel_async-sql")
    try:
        done = thread.submit(work)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            for _ in range(_INTERRUPTS):  # one that comes between two queries is lost
                interrupt()
                if (await asyncio.wait([done], timeout=_INTERRUPT_SECONDS))[0]:
                    break
            raise
    finally:
        thread.close()


def add(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "sql", sql)
