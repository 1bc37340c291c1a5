"""Options of the commands that send records in one request."""

from typing import Annotated, TypeAlias, cast

import typer

from mixpanel_async.actions import IngestOptions
from mixpanel_async.cli.options.common import UseProjectToken
from mixpanel_async.config import ForeignToken

_PANEL = "Request"

Strict: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--strict/--no-strict", help="Ask for an error for each record that fails validation.", rich_help_panel=_PANEL
    ),
]
Gzip: TypeAlias = Annotated[bool, typer.Option("--gzip/--no-gzip", help="Compress the body.", rich_help_panel=_PANEL)]
ProjectTokenOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--token", metavar="TOKEN", help="Project token (default: MIXPANEL_TOKEN).", rich_help_panel=_PANEL),
]
ForeignTokenOption: TypeAlias = Annotated[
    ForeignToken | None,
    typer.Option(
        "--foreign-token",
        help="What becomes of a record with another project token (default: replace).",
        rich_help_panel=_PANEL,
    ),
]


def ingest_options(
    *,
    verbose: Annotated[
        bool | None,
        typer.Option(
            "--verbose/--no-verbose",
            help="Ask for status and error (default), or only for 1 or 0.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    ip: Annotated[
        bool | None,
        typer.Option(
            "--ip/--no-ip",
            help="Whether Mixpanel uses the IP address of this machine for the location.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    img: Annotated[
        bool | None,
        typer.Option("--img/--no-img", help="Ask for an image; its bytes are printed.", rich_help_panel=_PANEL),
    ] = None,
    redirect: Annotated[
        str | None,
        typer.Option(
            "--redirect",
            metavar="URL",
            help="Ask for a redirect; it is not followed, and `location` of the reply shows it.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    callback: Annotated[
        str | None,
        typer.Option(
            "--callback", metavar="NAME", help="Ask for a call of this JavaScript function.", rich_help_panel=_PANEL
        ),
    ] = None,
    strict: Strict = None,
    gzip: Gzip = False,
    token: ProjectTokenOption = None,
    use_project_token: UseProjectToken = False,
    foreign_token: ForeignTokenOption = None,
) -> IngestOptions:
    """Return the options of a request to /track, /engage or /groups."""
    given: dict[str, object] = {
        "verbose": verbose,
        "ip": ip,
        "img": img,
        "redirect": redirect,
        "callback": callback,
        "strict": strict,
        "gzip": gzip or None,
        "token": token,
        "foreign_token": foreign_token,
        "use_project_token": use_project_token or None,
    }
    # `use_project_token` becomes a credential when the server's options are known.
    return cast("IngestOptions", {name: value for name, value in given.items() if value is not None})
