"""`mixpanel-async serve`: the local server."""

import asyncio
import contextlib
import pathlib
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mixpanel_async.cli.render import stdout
from mixpanel_async.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mixpanel_async.emulator import EmulatorSettings


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(run_server)


def run_server(
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8080,
    data: Annotated[
        pathlib.Path | None, typer.Option("--data", help="Store data in this DuckDB file (default: in memory).")
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
) -> int:
    """Run a local Mixpanel server, for tests and offline work, until interrupted.

    Point a client at it with --base-url or MIXPANEL_BASE_URL. No data leaves this machine.
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

    def ready(url: str) -> None:
        stdout.write(f"{url}\n".encode())
        stdout.flush()
        sys.stderr.write(f"the local server is listening; try: export MIXPANEL_BASE_URL={url} MIXPANEL_TOKEN=test\n")

    try:
        asyncio.run(_serve(settings, ready))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    except OSError as error:
        raise OutputError(f"cannot serve on {host}:{port}: {error.strerror or error}") from None
    return 0


async def _serve(settings: "EmulatorSettings", ready: "Callable[[str], None]") -> None:
    from mixpanel_async import emulator

    serving = asyncio.ensure_future(emulator.serve(settings, ready=ready))
    # asyncio.run() handles SIGINT itself. Windows has no handler for SIGTERM.
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    await serving
