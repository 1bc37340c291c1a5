"""`mixpanel-async query profiles` and `query profiles-page`."""

import asyncio
import shlex
from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any, TypeAlias

import msgspec
import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions._core.tabular import TableRow
from mixpanel_async.actions.query.pagination import Profile, ProfileCursor, ProfilePage, ProfileStream
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.options.inputs import given_json
from mixpanel_async.cli.options.query import Where, WorkspaceId
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.output import Output, ValueSink, output_options, say
from mixpanel_async.cli.render.rows import OutputRows
from mixpanel_async.cli.runner import run_call
from mixpanel_async.errors import MixpanelError, OutputError

_RESUME = "Resume"

SessionId: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--session-id", metavar="ID", help="Session of the result to resume, as printed.", rich_help_panel=_RESUME
    ),
]
Page: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--page",
        min=0,
        metavar="N",
        help="Page number, from 0; requires --session-id above 0.",
        rich_help_panel=_RESUME,
    ),
]


class Selection(msgspec.Struct, frozen=True):
    """The selected profiles.

    Attributes:
        options: Arguments of `query.profiles`.
        properties: Names of the selected properties.
    """

    options: dict[str, Any]
    properties: list[str]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return ("distinct_id", *(self.properties or ["properties"]))

    def row(self, profile: Profile) -> TableRow:
        """Return a profile as a row."""
        if self.properties:
            return (profile.distinct_id, *(profile.properties.get(name) for name in self.properties))
        return (profile.distinct_id, profile.properties)

    def rows(self, page: ProfilePage) -> OutputRows:
        """Return a page's profiles as rows."""
        return OutputRows(self.columns, [self.row(profile) for profile in page.results])


def selection_options(
    *,
    where: Where = None,
    output_properties: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            metavar="NAME",
            help="Print this property as a column; repeatable (default: all properties in one column of JSON).",
        ),
    ] = None,
    distinct_id: Annotated[
        str | None,
        typer.Option("--distinct-id", metavar="ID", help="Select only this profile; excludes --distinct-ids."),
    ] = None,
    distinct_ids: Annotated[
        list[str] | None,
        typer.Option(
            "--distinct-ids", metavar="ID", help="Select only these profiles; repeatable; excludes --distinct-id."
        ),
    ] = None,
    data_group_id: Annotated[
        str | None,
        typer.Option("--data-group-id", metavar="ID", help="ID of a group key: select groups instead of users."),
    ] = None,
    behaviors: Annotated[
        str | None,
        typer.Option(
            "--behaviors",
            metavar="JSON|@FILE",
            help="Event selectors as documented by Mixpanel; excludes --filter-by-cohort.",
        ),
    ] = None,
    as_of_timestamp: Annotated[
        int | None,
        typer.Option(
            "--as-of-timestamp",
            metavar="SECONDS",
            help="Unix time at which --behaviors are evaluated; requires --behaviors.",
        ),
    ] = None,
    filter_by_cohort: Annotated[
        str | None,
        typer.Option(
            "--filter-by-cohort",
            metavar="ID",
            help='Select only members of this cohort: its ID, or JSON such as {"id": 7}; excludes --behaviors.',
        ),
    ] = None,
    include_all_users: Annotated[
        bool | None,
        typer.Option(
            "--include-all-users/--only-profiles",
            help="Whether to include cohort members without a profile; does nothing without --filter-by-cohort.",
        ),
    ] = None,
) -> Selection:
    """Return the selection options.

    Raises:
        InvalidArgumentError: --behaviors is not JSON.
    """
    options = {
        "where": where,
        "output_properties": output_properties,
        "distinct_id": distinct_id,
        "distinct_ids": distinct_ids,
        "data_group_id": data_group_id,
        "behaviors": given_json("--behaviors", behaviors),
        "as_of_timestamp": as_of_timestamp,
        "filter_by_cohort": filter_by_cohort,
        "include_all_users": include_all_users,
    }
    return Selection(options, output_properties or [])


@with_options(selection=selection_options, output=output_options, server=server_options)
def profiles(
    *,
    selection: Selection,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Stop after this number of profiles.")
    ] = None,
    session_id: SessionId = None,
    page: Page = None,
    offset: Annotated[
        int,
        typer.Option(
            "--offset", min=0, metavar="N", help="Number of profiles to skip on that page.", rich_help_panel=_RESUME
        ),
    ] = 0,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Print all matching profiles, page by page, as they arrive.

    Columns: distinct_id, then properties or one column per --property. The default format without a terminal is ndjson;
    --json prints one array of the profiles as Mixpanel sent them. Each page counts as one of the 60 queries per hour.

    If it stops early (--limit, Ctrl-C or an error), it prints the options that resume it without gaps or duplicates to
    standard error; they work as long as Mixpanel keeps the result. CSV is resumed without a header.
    """

    async def read(client: AsyncMixpanel) -> int:
        stream = client.query.profiles(
            **selection.options, session_id=session_id, page=page, offset=offset, workspace_id=workspace_id
        )
        return await _print_profiles(stream, selection, output, limit, has_header=not (page or offset))

    return run_call(server, read)


@with_options(selection=selection_options, output=output_options, server=server_options)
def profiles_page(
    *,
    selection: Selection,
    session_id: SessionId = None,
    page: Page = None,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Print one page of matching profiles, and the options for the next page to standard error.

    Columns: distinct_id, then properties or one column per --property. --json includes session_id, page, page_size and
    total.
    """

    async def read(client: AsyncMixpanel) -> ProfilePage:
        return await client.query.profiles_page(
            **selection.options, session_id=session_id, page=page, workspace_id=workspace_id
        )

    found = run_call(server, read)
    output.print(found, selection.rows)
    if not found.is_last:
        _print_resume_options(ProfileCursor(found.session_id, (page or 0) + 1))
    return 0


async def _print_profiles(
    stream: ProfileStream, selection: Selection, output: Output, limit: int | None, *, has_header: bool
) -> int:
    sink = ValueSink() if output.is_raw else output.sink(selection.columns, "ndjson", has_header=has_header)
    shape: Callable[[Profile], Any] = attrgetter("raw") if output.is_raw else selection.row
    position, count = stream.cursor, 0
    try:
        async with stream:
            async for profile in stream:
                sink.add(shape(profile))
                position, count = stream.cursor, count + 1
                if count == limit:
                    break
            else:
                limit = None
    except OutputError:
        raise  # unknown how much of the output was written
    except (MixpanelError, asyncio.CancelledError):
        sink.break_off()
        stdout.flush()
        _print_resume_options(position if stream.cursor.offset else stream.cursor)
        raise
    sink.close()
    stdout.flush()
    if limit is not None:
        _print_resume_options(position)
    return 0


def _print_resume_options(position: ProfileCursor) -> None:
    if position.session_id is not None:  # without a session, nothing was received
        offset = f" --offset {position.offset}" if position.offset else ""
        say(f"to resume: --session-id {shlex.quote(position.session_id)} --page {position.page}{offset}")
