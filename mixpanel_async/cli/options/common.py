"""Options that most commands share: the server, and JSON output."""

import os
from typing import Annotated, TypeAlias

import msgspec
import typer

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.auth import ProjectToken
from mixpanel_async.cli.logins.choice import Chosen, choose
from mixpanel_async.cli.logins.files import open_store, with_env_file
from mixpanel_async.config import Region, read_region, servers
from mixpanel_async.env import Environment, read_environment, with_proxy
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
        profile: Name of a saved login.
        env_file: Path of a file of variables.
        proxy: URL of a proxy.
    """

    base_url: str | None = None
    region: Region | None = None
    project_id: int | None = None
    use_project_token: bool = False
    profile: str | None = None
    env_file: str | None = None
    proxy: str | None = None

    def chosen(self) -> Chosen:
        """Return the variables MIXPANEL_* to use: of the environment, of a file, or of a saved login.

        Raises:
            InvalidArgumentError: There is no such saved login.
            SourceError: The file of variables or of logins cannot be read.
        """
        environ = with_env_file(os.environ, self.env_file)
        return choose(environ, self.profile, lambda name: open_store(environ).get(name))

    def token_credential(self) -> ProjectToken:
        """Return the project token as a credential.

        Raises:
            MissingCredentialsError: MIXPANEL_TOKEN is not set.
        """
        token = read_environment(self.chosen().variables).token
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
        found = read_environment(self.chosen().variables)
        return self.connect(found, self.region or found.region, settings)

    def connect(self, found: Environment, region: Region, settings: Settings | None = None) -> AsyncMixpanel:
        """Return a client for variables that were read, in a region."""
        base_url = self.base_url or found.base_url
        settings = msgspec.structs.replace(settings or Settings(), proxy=self.proxy)
        return AsyncMixpanel(
            found.token,
            credentials=self.token_credential() if self.use_project_token else found.credentials,
            project_id=found.project_id if self.project_id is None else self.project_id,
            workspace_id=found.workspace_id,
            region=region,
            base_url=base_url,
            settings=with_proxy(settings, os.environ, servers(region, base_url)),
        )


def server_options(
    *,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url",
            metavar="URL",
            help="URL of the server, such as http://localhost:8787.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            metavar="REGION",
            help="Region of the project: us, eu or in, or a server there, such as api-eu.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    project_id: Annotated[
        int | None, typer.Option("--project-id", metavar="ID", help="Project ID.", rich_help_panel=_SERVER)
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Saved login to use, instead of all MIXPANEL_ variables (also: MIXPANEL_PROFILE).",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    env_file: Annotated[
        str | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="Read variables from this file, such as .env; those of the environment win.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            metavar="URL",
            help="HTTP proxy (default: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY).",
            rich_help_panel=_SERVER,
        ),
    ] = None,
) -> ServerOptions:
    """Return the server options."""
    return ServerOptions(
        base_url,
        None if region is None else read_region(region),
        project_id,
        profile=profile,
        env_file=env_file,
        proxy=proxy,
    )
