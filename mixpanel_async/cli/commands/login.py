"""`mixpanel-async login`, `logout` and `whoami`."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, TypeAlias

import msgspec
import typer

from mixpanel_async import AsyncMixpanel
from mixpanel_async.cli.logins.check import Access, find_access, regions_from
from mixpanel_async.cli.logins.choice import DEFAULT
from mixpanel_async.cli.logins.files import open_store, with_env_file
from mixpanel_async.cli.logins.login import Login
from mixpanel_async.cli.logins.store import LoginStore
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.render import stdout
from mixpanel_async.cli.render.output import print_json, say
from mixpanel_async.cli.runner import add_command
from mixpanel_async.config import Region
from mixpanel_async.env import Environment, read_environment
from mixpanel_async.errors import InvalidArgumentError

NoKeyring: TypeAlias = Annotated[
    bool,
    typer.Option("--no-keyring", help="Keep secrets in the file, which only you can read, and not in the keyring."),
]
_QUESTIONS: Final[Mapping[str, str]] = {
    "MIXPANEL_TOKEN": "Project token, to send records",
    "MIXPANEL_SERVICE_ACCOUNT_USERNAME": "Service account, for everything else",
    "MIXPANEL_SERVICE_ACCOUNT_SECRET": "Secret of the service account",
    "MIXPANEL_PROJECT_ID": "Project ID",
}


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (("login", login), ("logout", logout), ("whoami", whoami)):
        add_command(app, name, command)


@with_options(server=server_options)
def login(
    *,
    from_env: Annotated[
        bool, typer.Option("--from-env", help="Save what the MIXPANEL_ variables or --env-file say; ask nothing.")
    ] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="Save without asking Mixpanel.")] = False,
    no_keyring: NoKeyring = False,
    server: ServerOptions,
) -> int:
    """Save credentials, so that commands need no environment variables.

    Asks for the project token, the service account and the project ID, tries them in all regions, and saves them as the
    login --profile (default: "default"). Secrets go to the keyring of the system if the library keyring is installed,
    otherwise to the file. Commands use the login "default" where no variable names credentials.
    """
    name = server.profile or DEFAULT
    variables = with_env_file(os.environ, server.env_file) if from_env else _ask()
    found = _with_options(read_environment(variables), server)
    found.check()
    access = None if no_check or found.credentials is None else asyncio.run(_access(found, server))
    if access is not None:
        found = msgspec.structs.replace(found, region=access.region)
        _check_project(found.project_id, access)
    fields = {"MIXPANEL_REGION": found.region.value, "MIXPANEL_BASE_URL": found.base_url or ""}
    project = {} if found.project_id is None else {"MIXPANEL_PROJECT_ID": str(found.project_id)}
    store = open_store(os.environ, (lambda: None) if no_keyring else None)
    store.save(name, Login.of({**variables, **fields, **project}))
    _report(name, store, found, access)
    return 0


@with_options()
def logout(
    *, profile: Annotated[str, typer.Option("--profile", metavar="NAME", help="Login to remove.")] = DEFAULT
) -> int:
    """Remove a saved login and its secrets."""
    store = open_store(os.environ)
    store.remove(profile)
    say(f"removed the login {profile!r} from {store.path}")
    return 0


class _Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    source: str
    region: str
    base_url: str | None
    token: str | None
    account: str | None
    project_id: int | None
    project: str | None = None
    timezone: str | None = None
    projects: int | None = None


@with_options(server=server_options)
def whoami(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False, server: ServerOptions
) -> int:
    """Show which credentials and project commands use, and whether Mixpanel accepts them.

    The exit status is 3 if there are none or Mixpanel refuses them.
    """
    chosen = server.chosen()
    found = _with_options(read_environment(chosen.variables), server)
    found.check()
    access = None if found.credentials is None else asyncio.run(_access(found, server, only=found.region))
    project = next((one for one in access.projects if one.id == found.project_id), None) if access else None
    shown = _Identity(
        chosen.source,
        found.region.value,
        found.base_url,
        None if found.token is None else f"{found.token[:4]}...",
        None if found.credentials is None else repr(found.credentials),
        found.project_id,
        project.name if project else None,
        project.timezone if project else None,
        len(access.projects) if access else None,
    )
    if as_json:
        print_json(shown)
    else:
        stdout.write("".join(f"{line}\n" for line in _lines(shown, access)).encode())
    if access is not None:
        _check_project(found.project_id, access)
    return 0


def _lines(shown: _Identity, access: Access | None) -> list[str]:
    words = {
        "credentials": f"from {shown.source}",
        "region": shown.region if shown.base_url is None else shown.base_url,
        "token": shown.token or "none: records cannot be sent to /track",
        "account": shown.account or "none: only records can be sent",
        "project": f"{shown.project_id or 'none'} {shown.project or ''}".rstrip(),
        "time zone": shown.timezone or "",
        "accepted": "not checked: a token alone can only be checked by sending"
        if access is None
        else f"yes, {len(access.projects)} projects",
    }
    return [f"{name:<12}{value}" for name, value in words.items() if value]


def _ask() -> Mapping[str, str]:
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidArgumentError("login cannot ask without a terminal; set MIXPANEL_ variables and add --from-env")
    answers: dict[str, str] = {}
    for variable, words in _QUESTIONS.items():
        is_secret = variable.endswith("_SECRET")
        if is_secret and "MIXPANEL_SERVICE_ACCOUNT_USERNAME" not in answers:
            continue
        answer = str(typer.prompt(f"{words} (Enter for none)", "", hide_input=is_secret, show_default=False, err=True))
        if answer.strip():
            answers[variable] = answer.strip()
    return answers


def _with_options(found: Environment, server: ServerOptions) -> Environment:
    return msgspec.structs.replace(
        found,
        region=server.region or found.region,
        base_url=server.base_url or found.base_url,
        project_id=found.project_id if server.project_id is None else server.project_id,
    )


async def _access(found: Environment, server: ServerOptions, only: Region | None = None) -> Access:
    """Return what Mixpanel accepts; a base URL, or a region that is asked for, is the only one to try."""

    def connect(region: Region) -> AsyncMixpanel:
        return server.connect(found, region)

    first = only or server.region
    is_fixed = first is not None or found.base_url is not None
    regions: Sequence[Region] = [first or found.region] if is_fixed else regions_from(found.region)
    return await find_access(connect, regions)


def _check_project(project_id: int | None, access: Access) -> None:
    known = {one.id: one.name for one in access.projects}
    if project_id is not None and project_id not in known:
        some = ", ".join(f"{number} ({name})" for number, name in list(known.items())[:5]) or "none"
        raise InvalidArgumentError(f"the account has no access to project {project_id}; it has access to: {some}")


def _report(name: str, store: LoginStore, found: Environment, access: Access | None) -> None:
    if access is not None:
        say(f"Mixpanel accepts the credentials; region {access.region.value}, {len(access.projects)} projects")
    elif found.credentials is None:
        say("not checked: a project token can only be checked by sending a record")
    keeps = store.load()[name].in_keyring
    say(f"saved the login {name!r} in {store.path}" + (", the secret in the keyring" if keeps else ""))
