"""Options that most commands share: the server, and JSON output."""

import os
from typing import Annotated, TypeAlias

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.auth import ProjectToken
from mixpanel_async.config import Region, read_region
from mixpanel_async.env import read_environment
from mixpanel_async.errors import MissingCredentialsError

_SERVER = "Server"

UseProjectToken: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--use-project-token",
        help="Authenticate with the project token (MIXPANEL_TOKEN) instead of the other credentials.",
        rich_help_panel=_SERVER,
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")]


class ServerOptions(msgspec.Struct, frozen=True):
    """The server and project; a field that is None comes from the environment.

    Attributes:
        base_url: URL of one server for all requests.
        region: Data residency region of the project.
        project_id: Project ID.
        use_project_token: Whether the project token replaces the other credentials.
    """

    base_url: str | None = None
    region: Region | None = None
    project_id: int | None = None
    use_project_token: bool = False

    def token_credential(self) -> ProjectToken:
        """Return the project token as a credential.

        Raises:
            MissingCredentialsError: MIXPANEL_TOKEN is not set.
        """
        token = read_environment(os.environ).token
        if token is None:
            raise MissingCredentialsError("--use-project-token needs the project token")
        return ProjectToken(token)

    def client(self, settings: Settings | None = None) -> AsyncMixpanel:
        """Return a client.

        Args:
            settings: Batching, buffering, rate-limit and timeout settings.

        Raises:
            InvalidSettingError: An option or environment variable is invalid.
        """
        found = read_environment(os.environ)
        return AsyncMixpanel(
            found.token,
            credentials=self.token_credential() if self.use_project_token else found.credentials,
            project_id=found.project_id if self.project_id is None else self.project_id,
            workspace_id=found.workspace_id,
            region=self.region or found.region,
            base_url=self.base_url or found.base_url,
            settings=settings,
        )


def server_options(
    *,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="URL of the server, such as http://localhost:8787.", rich_help_panel=_SERVER),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            help="Region of the project: us, eu or in, or a server there, such as api-eu.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    project_id: Annotated[int | None, typer.Option("--project-id", help="Project ID.", rich_help_panel=_SERVER)] = None,
) -> ServerOptions:
    """Return the server options."""
    return ServerOptions(base_url, None if region is None else read_region(region), project_id)
