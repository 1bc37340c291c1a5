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

_PLACE = "Going on"

SessionId: TypeAlias = Annotated[
    str | None,
    typer.Option("--session-id", metavar="ID", help="The result to go on in, as printed.", rich_help_panel=_PLACE),
]
Page: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--page", min=0, metavar="N", help="The page, from 0; above 0 it needs --session-id.", rich_help_panel=_PLACE
    ),
]


class Selection(msgspec.Struct, frozen=True):
    """Which profiles.

    Attributes:
        options: Arguments of `query.profiles`.
        properties: The properties that were asked for by name.
    """

    options: dict[str, Any]
    properties: list[str]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the profiles' rows."""
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
            help="Only this property, as a column of its own; repeatable. Without any, all are one column of JSON.",
        ),
    ] = None,
    distinct_id: Annotated[
        str | None, typer.Option("--distinct-id", metavar="ID", help="Only this profile; excludes --distinct-ids.")
    ] = None,
    distinct_ids: Annotated[
        list[str] | None,
        typer.Option("--distinct-ids", metavar="ID", help="Only this and others; repeatable; excludes --distinct-id."),
    ] = None,
    data_group_id: Annotated[
        str | None,
        typer.Option("--data-group-id", metavar="ID", help="Id of a group key: its groups in place of users."),
    ] = None,
    behaviors: Annotated[
        str | None,
        typer.Option(
            "--behaviors",
            metavar="JSON|@FILE",
            help="Event selectors, as Mixpanel documents them; excludes --filter-by-cohort.",
        ),
    ] = None,
    as_of_timestamp: Annotated[
        int | None,
        typer.Option(
            "--as-of-timestamp",
            metavar="SECONDS",
            help="Unix time at which --behaviors are evaluated, which it needs.",
        ),
    ] = None,
    filter_by_cohort: Annotated[
        int | None,
        typer.Option("--filter-by-cohort", metavar="ID", help="Only members of this cohort; excludes --behaviors."),
    ] = None,
    include_all_users: Annotated[
        bool | None,
        typer.Option(
            "--include-all-users/--only-profiles",
            help="Include the cohort's members that have no profile, or not; needs --filter-by-cohort.",
        ),
    ] = None,
) -> Selection:
    """Return what options say of which profiles.

    Raises:
        InvalidSettingError: The behaviors are no JSON.
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
        int | None, typer.Option("--limit", min=1, metavar="N", help="Stop after so many profiles.")
    ] = None,
    session_id: SessionId = None,
    page: Page = None,
    offset: Annotated[
        int,
        typer.Option("--offset", min=0, metavar="N", help="Profiles of that page to skip.", rich_help_panel=_PLACE),
    ] = 0,
    workspace_id: WorkspaceId = None,
    output: Output,
    server: ServerOptions,
) -> int:
    """Print all profiles that fit, page by page, while they arrive.

    Columns: distinct_id, then properties or one for each --property. Unless it prints to a terminal, the form is
    ndjson; --json makes one array of the profiles as Mixpanel sent them. Each page counts as one of the 60 queries an
    hour.

    Where it ends early, because of --limit, an interrupt or an error, it prints to standard error the options to go on
    with, by which no profile comes twice and none is left out, for as long as Mixpanel keeps the result. CSV then
    goes on without a header.
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
    """Print one page of the profiles that fit, and to standard error the options for the next one.

    Columns: distinct_id, then properties or one for each --property. --json holds session_id, page, page_size and
    total as well.
    """

    async def read(client: AsyncMixpanel) -> ProfilePage:
        return await client.query.profiles_page(
            **selection.options, session_id=session_id, page=page, workspace_id=workspace_id
        )

    found = run_call(server, read)
    output.print(found, selection.rows)
    if not found.is_last:
        _say_place(ProfileCursor(found.session_id, (page or 0) + 1))
    return 0


async def _print_profiles(
    stream: ProfileStream, selection: Selection, output: Output, limit: int | None, *, has_header: bool
) -> int:
    sink = ValueSink() if output.is_raw else output.sink(selection.columns, "ndjson", has_header=has_header)
    shape: Callable[[Profile], Any] = attrgetter("raw") if output.is_raw else selection.row
    place, count = stream.cursor, 0
    try:
        async with stream:
            async for profile in stream:
                sink.add(shape(profile))
                place, count = stream.cursor, count + 1
                if count == limit:
                    break
            else:
                limit = None
    except OutputError:
        raise  # how far the output came is not known
    except (MixpanelError, asyncio.CancelledError):
        sink.break_off()
        stdout.flush()
        _say_place(place if stream.cursor.offset else stream.cursor)
        raise
    sink.close()
    stdout.flush()
    if limit is not None:
        _say_place(place)
    return 0


def _say_place(place: ProfileCursor) -> None:
    if place.session_id is not None:  # without one nothing came
        offset = f" --offset {place.offset}" if place.offset else ""
        say(f"to go on: --session-id {shlex.quote(place.session_id)} --page {place.page}{offset}")
