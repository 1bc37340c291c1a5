"""`mixpanel-async track`, `identify`, `alias` and `merge`: one request, and Mixpanel's own answer."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Final, TypeAlias, cast

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, ProjectToken
from mixpanel_async.actions import ImportOptions, IngestOptions, IngestReply
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, UseProjectToken, server_options
from mixpanel_async.cli.options.ingest import (
    ForeignTokenOption,
    Gzip,
    ProjectTokenOption,
    Strict,
    ingest_options,
)
from mixpanel_async.cli.options.inputs import given_bytes, read_input
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.output import print_json
from mixpanel_async.cli.runner import add_command, run_call
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.sources.locations import STDIN

IngestCall: TypeAlias = Callable[[AsyncMixpanel], Coroutine[Any, Any, IngestReply]]
IdArgument: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="ID of the user.", show_default=False)]
_SHOWN: Final = (
    "http_status", "status", "error", "code", "num_records_imported", "failed_records", "location", "replaced_tokens",
)  # fmt: skip


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (("track", track), ("identify", identify), ("alias", alias), ("merge", merge)):
        add_command(app, name, command)


def print_ingest_reply(server: ServerOptions, call: IngestCall) -> int:
    """Run a call and print its answer: the bytes of an image, the text of a callback, or the fields as JSON.

    Args:
        server: Server and project.
        call: Called with the client.

    Returns:
        The exit status: 0 if Mixpanel reports no error.
    """
    reply = run_call(server, call)
    if reply.image is not None:
        stdout.write(reply.image)
    elif reply.text and not reply.text.lstrip().startswith(("{", "0", "1")):
        stdout.write(reply.text.encode() + b"\n")
    else:
        fields = {name: msgspec.to_builtins(getattr(reply, name)) for name in _SHOWN}
        print_json(
            {name: value for name, value in fields.items() if value not in (None, [], (), 0) or name == "status"}
        )
    stdout.flush()
    return 0 if reply.is_success else 1


def records_of(text: str) -> bytes:
    """Return records as JSON from an argument: the JSON itself, `@FILE`, or `-` for standard input."""
    return read_input(STDIN) if text == STDIN else given_bytes(text)


def without_project(server: ServerOptions, path: str) -> ServerOptions:
    """Return the server options of a call that takes no project.

    Raises:
        InvalidArgumentError: A project was given.
    """
    if server.project_id is not None:
        raise InvalidArgumentError(f"--project-id is invalid: {path} goes to the project of the token; omit it")
    return server


def chosen(server: ServerOptions, options: Mapping[str, object]) -> IngestOptions:
    """Return options of `ingest_options` with the credential that they ask for."""
    found = dict(options)
    if found.pop("use_project_token", False):
        token = options.get("token")
        found["credential"] = ProjectToken(token) if isinstance(token, str) else server.token_credential()
    return cast("IngestOptions", found)


@with_options(options=ingest_options, server=server_options)
def track(
    events: Annotated[
        str,
        typer.Argument(
            metavar="JSON|@FILE|-",
            help='Up to 2,000 events such as [{"event": "Paid", "properties": {"distinct_id": "ann"}}], or one.',
            show_default=False,
        ),
    ],
    *,
    options: IngestOptions,
    server: ServerOptions,
) -> int:
    """Send events to /track in one request and print Mixpanel's answer.

    The project token is enough: MIXPANEL_TOKEN, --token or the events' own. For files of events, use import events.
    """
    given, records = chosen(without_project(server, "/track"), options), records_of(events)
    return print_ingest_reply(server, lambda client: client.ingest.track(records, **given))


@with_options(options=ingest_options, server=server_options)
def identify(
    identified_id: IdArgument,
    anon_id: Annotated[
        str, typer.Argument(metavar="ANON_ID", help="Anonymous ID: a UUID of version 4.", show_default=False)
    ],
    *,
    options: IngestOptions,
    server: ServerOptions,
) -> int:
    """Link an anonymous ID to a user's ID (Original ID Merge projects)."""
    given = chosen(without_project(server, "/track"), options)
    return print_ingest_reply(server, lambda client: client.ingest.identify(identified_id, anon_id, **given))


@with_options(options=ingest_options, server=server_options)
def alias(
    distinct_id: IdArgument,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="New ID of the user.", show_default=False)],
    *,
    options: IngestOptions,
    server: ServerOptions,
) -> int:
    """Give a user's ID another name (Original ID Merge projects)."""
    given = chosen(without_project(server, "/track"), options)
    return print_ingest_reply(server, lambda client: client.ingest.alias(distinct_id, alias, **given))


@with_options(server=server_options)
def merge(
    distinct_id: IdArgument,
    other_distinct_id: Annotated[
        str, typer.Argument(metavar="OTHER_ID", help="ID that is the same user's.", show_default=False)
    ],
    *,
    strict: Strict = None,
    gzip: Gzip = False,
    token: ProjectTokenOption = None,
    use_project_token: UseProjectToken = False,
    foreign_token: ForeignTokenOption = None,
    server: ServerOptions,
) -> int:
    """Merge two IDs into one user, over /import (Original ID Merge projects)."""
    options = ImportOptions(gzip=gzip, token=token, foreign_token=foreign_token)
    if strict is not None:
        options["strict"] = strict
    if use_project_token:
        options["credential"] = server.token_credential() if token is None else ProjectToken(token)
    return print_ingest_reply(server, lambda client: client.ingest.merge(distinct_id, other_distinct_id, **options))
