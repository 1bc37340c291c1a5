"""`mixpanel-async request METHOD PATH`."""

import logging
import pathlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias, cast

import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions import RequestOptions
from mixpanel_async.actions.raw_request import ResponseType
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, UseProjectToken, server_options
from mixpanel_async.cli.options.inputs import given_bytes, given_fields, given_json, read_input
from mixpanel_async.cli.options.query import WorkspaceId
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.output import print_json
from mixpanel_async.cli.runner import add_command, run_call
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.sources.locations import STDIN

_BODY = "Body"
_RETRIES = "Retries"
Texts: TypeAlias = list[str] | None


def add(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "request", request)


def body_options(
    *,
    json_body: Annotated[
        str | None,
        typer.Option(
            "--json-body",
            metavar="JSON|@FILE",
            help="JSON body; @- is standard input. Excludes --data, --form and --file.",
            rich_help_panel=_BODY,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="TEXT|@FILE",
            help="Raw body; @- is standard input. Excludes --json-body, --form and --file.",
            rich_help_panel=_BODY,
        ),
    ] = None,
    form: Annotated[
        Texts,
        typer.Option(
            "--form",
            metavar="NAME=VALUE",
            help="Form field; repeatable, also with the same name. Can be combined with --file only.",
            rich_help_panel=_BODY,
        ),
    ] = None,
    files: Annotated[
        Texts,
        typer.Option(
            "--file",
            metavar="NAME=PATH",
            help="Form file, sent as multipart/form-data; repeatable; - is standard input.",
            rich_help_panel=_BODY,
        ),
    ] = None,
    file_names: Annotated[
        Texts,
        typer.Option(
            "--file-name",
            metavar="NAME=FILENAME",
            help="File name to send for the file of a field (default: the name in its path); repeatable.",
            rich_help_panel=_BODY,
        ),
    ] = None,
    is_multipart: Annotated[
        bool,
        typer.Option(
            "--multipart", help="Send --form as multipart/form-data even without a file.", rich_help_panel=_BODY
        ),
    ] = False,
) -> RequestOptions:
    """Return the body options.

    Raises:
        InvalidArgumentError: Options exclude each other, or a value is malformed.
        SourceError: A file cannot be read.
    """
    given = {"--json-body": json_body, "--data": data, "--form or --file": form or files}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise InvalidArgumentError(f"{' and '.join(names)} exclude each other; a request has one body")
    if is_multipart and not (form or files):
        raise InvalidArgumentError("--multipart requires --form or --file")
    options = RequestOptions(is_multipart=is_multipart)
    if json_body is not None:
        options["json"] = given_json("--json-body", json_body)
    if data is not None:
        options["data"] = given_bytes(data)
    if form is not None:
        options["form"] = given_fields("--form", form)
    if files is not None:
        options["files"] = _read_files(files)
    if file_names is not None:
        options["file_names"] = _single_values("--file-name", file_names)
    return options


def repeat_options(
    *,
    timeout_seconds: Annotated[
        float | None,
        typer.Option(
            "--timeout", min=0.001, metavar="SECONDS", help="Timeout of each attempt (default: 60; 150 for queries)."
        ),
    ] = None,
    max_retries: Annotated[
        int | None,
        typer.Option("--retries", min=0, metavar="N", help="Number of retries (default: 4).", rich_help_panel=_RETRIES),
    ] = None,
    retry_delay_seconds: Annotated[
        float | None,
        typer.Option(
            "--retry-delay",
            min=0,
            metavar="SECONDS",
            help="Delay before a retry (default: 0 with another retry option, else doubling from 2 s, with jitter).",
            rich_help_panel=_RETRIES,
        ),
    ] = None,
    retry_delay_ms: Annotated[
        float | None,
        typer.Option(
            "--retry-delay-ms", min=0, metavar="MS", help="--retry-delay in milliseconds.", rich_help_panel=_RETRIES
        ),
    ] = None,
    retry_on_all_errors: Annotated[
        bool,
        typer.Option(
            "--retry-on-all-errors",
            help="Retry after any error, also of a POST, even if a change may be applied twice.",
            rich_help_panel=_RETRIES,
        ),
    ] = False,
    exponential_backoff: Annotated[
        bool,
        typer.Option(
            "--backoff",
            help="Double the delay after each attempt (without a delay: from 2 s to 60 s, with jitter).",
            rich_help_panel=_RETRIES,
        ),
    ] = False,
) -> RequestOptions:
    """Return the timeout and retry options."""
    options = RequestOptions(
        timeout_seconds=timeout_seconds,
        max_retries=max_retries,
        retry_delay_seconds=retry_delay_seconds,
        retry_delay_ms=retry_delay_ms,
    )
    if retry_on_all_errors:
        options["retry_on_all_errors"] = True
    if exponential_backoff:
        options["exponential_backoff"] = True
    return options


@with_options(body=body_options, repeat=repeat_options, server=server_options)
def request(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PUT, PATCH or DELETE.")],
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A path such as /api/app/me, or a whole URL; credentials only go to Mixpanel and to --base-url.",
        ),
    ],
    *,
    query: Annotated[
        Texts,
        typer.Option(
            "--query",
            "--param",
            "-q",
            metavar="NAME=VALUE",
            help="Query parameter; repeatable, also with the same name.",
        ),
    ] = None,
    headers: Annotated[
        Texts, typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="Additional header; repeatable.")
    ] = None,
    response: Annotated[
        ResponseType,
        typer.Option("--response", help="Print the reply as JSON, as UTF-8 text, or byte for byte (bytes or binary)."),
    ] = "json",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON on one line, on a terminal too; needs --response json.")
    ] = False,
    host: Annotated[
        Literal["ingestion", "data", "query", "app"] | None,
        typer.Option("--server", help="Mixpanel server for the path (default: derived from the path)."),
    ] = None,
    is_authorized: Annotated[
        bool | None,
        typer.Option(
            "--auth/--no-auth",
            help="Whether to send the credentials (default: yes, except to /track, /engage and /groups).",
        ),
    ] = None,
    use_project_token: UseProjectToken = False,
    workspace_id: WorkspaceId = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Describe the request on standard error, without secrets.")
    ] = False,
    body: RequestOptions,
    repeat: RequestOptions,
    server: ServerOptions,
) -> int:
    """Send any request with the same credentials, retries and rate limits as the other commands."""
    if as_json and response != "json":
        raise InvalidArgumentError(f"--json and --response {response} exclude each other")
    if debug:
        logging.getLogger("mixpanel_async.request").setLevel(logging.INFO)
    if use_project_token and is_authorized is not None:
        raise InvalidArgumentError("--use-project-token and --auth/--no-auth exclude each other; give one of them")
    options: RequestOptions = {
        **body,
        **repeat,
        "query": given_fields("--query", query),
        "headers": _read_headers(headers),
        "debug": debug,
        "project_id": server.project_id,
        "workspace_id": workspace_id,
    }
    credential = server.token_credential() if use_project_token else None
    if credential is not None:
        options["auth"] = credential
    elif is_authorized is not None:
        options["auth"] = is_authorized
    if host is not None:
        options["server"] = host

    async def call(client: AsyncMixpanel) -> object:
        return await client.request(method, path, response=cast("Literal['json']", response), **options)

    print_reply(run_call(server, call), response, is_one_line=as_json)
    return 0


def print_reply(reply: object, response: ResponseType, *, is_one_line: bool = False) -> None:
    """Print a reply as JSON, as text or byte for byte."""
    if isinstance(reply, bytes):
        stdout.write(reply)
    elif isinstance(reply, str) and response == "text":
        stdout.write(reply.encode())
    else:
        print_json(reply, is_one_line=is_one_line)
    stdout.flush()


def _read_headers(texts: Sequence[str] | None) -> Mapping[str, str]:
    headers = {}
    for text in texts or ():
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise InvalidArgumentError(
                "--header is invalid: no name or no colon; use 'NAME: VALUE'"
            )  # the value may be a secret
        headers[name.strip()] = value.strip()
    return headers


def _read_files(texts: Sequence[str]) -> Mapping[str, tuple[str, bytes]]:
    return {
        name: ("stdin" if path == STDIN else pathlib.Path(path).name, read_input(path))
        for name, path in _single_values("--file", texts).items()
    }


def _single_values(option: str, texts: Sequence[str]) -> Mapping[str, str]:
    values = {}
    for name, value in given_fields(option, texts).items():
        if not isinstance(value, str):
            raise InvalidArgumentError(f"{option} is invalid: duplicate field {name}; give one file per field")
        values[name] = value
    return values
