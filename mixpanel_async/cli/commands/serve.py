"""`mixpanel-async serve`: the local server."""

import errno
import pathlib
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mixpanel_async.cli.job_runner import run_until_terminated
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.request_log import RequestLogWriter, on_standard_error
from mixpanel_async.errors import OutputError

if TYPE_CHECKING:
    from mixpanel_async.emulator import SeedReport

DEFAULT_PORT = 8787


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(run_server)


def run_server(
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = DEFAULT_PORT,
    data: Annotated[
        pathlib.Path | None, typer.Option("--data", help="Store data in this DuckDB file (default: in memory).")
    ] = None,
    seed: Annotated[
        list[pathlib.Path] | None,
        typer.Option("--seed", help="Store the events and profiles of this JSON or NDJSON file first; repeatable."),
    ] = None,
    projects: Annotated[
        pathlib.Path | None,
        typer.Option("--projects", help="TOML file of projects with their tokens and secrets (default: one, open)."),
    ] = None,
    token: Annotated[str | None, typer.Option("--token", help="Store only events of this project token.")] = None,
    id_merge: Annotated[
        Literal["simplified", "original"], typer.Option("--id-merge", help="How the project merges the IDs of a user.")
    ] = "simplified",
    project_id: Annotated[int | None, typer.Option("--project-id", help="Reject requests for other projects.")] = None,
    limits_scale: Annotated[
        float | None,
        typer.Option("--limits-scale", help="Apply Mixpanel's rate limits, times this factor (default: no limits)."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not log requests.")] = False,
) -> int:
    """Run a local Mixpanel server, for tests and offline work, until interrupted.

    Point a client at it with --base-url or MIXPANEL_BASE_URL, and open its address in a browser to see what arrives. No
    data leaves this machine.
    """
    from mixpanel_async import emulator

    settings = emulator.EmulatorSettings(
        host=host,
        port=port,
        data=data,
        projects=projects,
        token=token,
        project_id=project_id,
        id_merge=id_merge,
        limits_scale=limits_scale,
    )
    log = None if quiet else on_standard_error()

    def ready(url: str, seeded: list[emulator.SeedReport]) -> None:
        stdout.write(f"{url}\n".encode())
        stdout.flush()
        sys.stderr.write(_introduction(url, token, seeded))
        sys.stderr.flush()

    add = None if log is None else log.add
    try:
        run_until_terminated(lambda: emulator.serve(settings, seeds=seed or (), ready=ready, on_request=add))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        hint = "choose another port with --port" if error.errno == errno.EADDRINUSE else "check --host and --port"
        raise OutputError(f"cannot serve on {host}:{port}: {error.strerror or error}; {hint}") from None
    finally:
        _close(log)
    return 0


def _introduction(url: str, token: str | None, seeded: "list[SeedReport]") -> str:
    lines = [
        f"the local server is listening; its page: {url}/",
        f"to use it: export MIXPANEL_BASE_URL={url} MIXPANEL_TOKEN={token or 'test'}",
        *(f"seed {report}" for report in seeded),
    ]
    return "".join(f"{line}\n" for line in lines)


def _close(log: RequestLogWriter | None) -> None:
    if log is not None:
        log.close()
