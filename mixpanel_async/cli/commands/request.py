"""`mixpanel-async request METHOD PATH`."""

import logging
import pathlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions import RequestOptions
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.options.inputs import STDIN, given_bytes, given_fields, given_json, read_input
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.output import print_json
from mixpanel_async.cli.runner import add_command, run_call
from mixpanel_async.errors import InvalidSettingError

_BODY = "Body"
_REPEATING = "Repeating"
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
            help="A body of JSON; @- is standard input. Excludes --data, --form and --file.",
            rich_help_panel=_BODY,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="TEXT|@FILE",
            help="A body as it is; @- is standard input. Excludes --json-body, --form and --file.",
            rich_help_panel=_BODY,
        ),
    ] = None,
    form: Annotated[
        Texts,
        typer.Option(
            "--form",
            metavar="NAME=VALUE",
            help="A field of a form; repeatable, also with the same name. Goes with --file, excludes the others.",
            rich_help_panel=_BODY,
        ),
    ] = None,
    files: Annotated[
        Texts,
        typer.Option(
            "--file",
            metavar="NAME=PATH",
            help="A file of a form, which then is multipart/form-data; repeatable; - is standard input.",
            rich_help_panel=_BODY,
        ),
    ] = None,
    is_multipart: Annotated[
        bool,
        typer.Option(
            "--multipart", help="Send --form as multipart/form-data without a file too.", rich_help_panel=_BODY
        ),
    ] = False,
) -> RequestOptions:
    """Return what options say of the body.

    Raises:
        InvalidSettingError: They exclude each other, or one has no equals sign or no JSON.
        SourceError: A file cannot be read.
    """
    given = {"--json-body": json_body, "--data": data, "--form or --file": form or files}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise InvalidSettingError(f"{' and '.join(names)} exclude each other; a request has one body")
    if is_multipart and not (form or files):
        raise InvalidSettingError("--multipart needs --form or --file")
    options = RequestOptions(is_multipart=is_multipart)
    if json_body is not None:
        options["json"] = given_json("--json-body", json_body)
    if data is not None:
        options["data"] = given_bytes(data)
    if form is not None:
        options["form"] = given_fields("--form", form)
    if files is not None:
        options["files"] = _read_files(files)
    return options


def repeat_options(
    *,
    timeout_seconds: Annotated[
        float | None,
        typer.Option("--timeout", min=0.001, metavar="SECONDS", help="For each try; 60 unless given, 150 for a query."),
    ] = None,
    max_retries: Annotated[
        int | None,
        typer.Option(
            "--retries", min=0, metavar="N", help="Tries after the first; 4 unless given.", rich_help_panel=_REPEATING
        ),
    ] = None,
    retry_delay_seconds: Annotated[
        float | None,
        typer.Option(
            "--retry-delay",
            min=0,
            metavar="SECONDS",
            help="Delay before a further try; without it the delays grow from 2 s, with chance in them.",
            rich_help_panel=_REPEATING,
        ),
    ] = None,
    retry_on_all_errors: Annotated[
        bool,
        typer.Option(
            "--retry-on-all-errors",
            help="Repeat whatever the error is, also where that may apply a change twice.",
            rich_help_panel=_REPEATING,
        ),
    ] = False,
    exponential_backoff: Annotated[
        bool,
        typer.Option("--backoff", help="Double --retry-delay from try to try.", rich_help_panel=_REPEATING),
    ] = False,
) -> RequestOptions:
    """Return what options say of how long and how often to try."""
    options = RequestOptions(
        timeout_seconds=timeout_seconds, max_retries=max_retries, retry_delay_seconds=retry_delay_seconds
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
        typer.Option("--query", "-q", metavar="NAME=VALUE", help="Query parameter; repeatable, also with its name."),
    ] = None,
    headers: Annotated[
        Texts, typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="Further header; repeatable.")
    ] = None,
    response: Annotated[
        Literal["json", "text", "bytes"],
        typer.Option("--response", help="Print the reply as JSON, as UTF-8 text, or byte for byte."),
    ] = "json",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON on one line, on a terminal too; needs --response json.")
    ] = False,
    host: Annotated[
        Literal["ingestion", "data", "query", "app"] | None,
        typer.Option("--server", help="Which of Mixpanel's servers a path is on; told from the path unless given."),
    ] = None,
    is_authorized: Annotated[bool, typer.Option("--auth/--no-auth", help="Send the credentials, or none.")] = True,
    debug: Annotated[
        bool, typer.Option("--debug", help="Describe the request on standard error, without what may be secret.")
    ] = False,
    body: RequestOptions,
    repeat: RequestOptions,
    server: ServerOptions,
) -> int:
    """Send any request, with the credentials, retries and rate limits that the other commands have."""
    if as_json and response != "json":
        raise InvalidSettingError(f"--json and --response {response} exclude each other")
    if debug:
        logging.getLogger("mixpanel_async.request").setLevel(logging.INFO)
    options: RequestOptions = {
        **body,
        **repeat,
        "query": given_fields("--query", query),
        "headers": _read_headers(headers),
        "auth": is_authorized,
        "debug": debug,
    }
    if host is not None:
        options["server"] = host

    async def call(client: AsyncMixpanel) -> object:
        return await client.request(method, path, response=response, **options)

    reply = run_call(server, call)
    if isinstance(reply, bytes):
        stdout.write(reply)
    elif isinstance(reply, str) and response == "text":
        stdout.write(reply.encode())
    else:
        print_json(reply, is_one_line=as_json)
    stdout.flush()
    return 0


def _read_headers(texts: Sequence[str] | None) -> Mapping[str, str]:
    headers = {}
    for text in texts or ():
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise InvalidSettingError("--header must look like 'NAME: VALUE'")  # not shown: it may be a secret
        headers[name.strip()] = value.strip()
    return headers


def _read_files(texts: Sequence[str]) -> Mapping[str, tuple[str, bytes]]:
    files = {}
    for name, path in given_fields("--file", texts).items():
        if not isinstance(path, str):
            raise InvalidSettingError(f"--file {name} is there more than once; a field takes one file")
        files[name] = ("stdin" if path == STDIN else pathlib.Path(path).name, read_input(path))
    return files
