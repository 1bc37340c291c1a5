"""Opens the file of logins and files of variables; the libraries for them are imported when a command needs them."""

import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mixpanel_async.errors import SourceError

if TYPE_CHECKING:
    from mixpanel_async.cli.logins.store import LoginStore
    from mixpanel_async.cli.logins.vault import Vault


def open_store(environ: Mapping[str, str], open_vault: "Callable[[], Vault | None] | None" = None) -> "LoginStore":
    """Return the saved logins of the user.

    Args:
        environ: The environment.
        open_vault: Returns what keeps the secrets; None: the keyring of the system, if there is one.
    """
    from mixpanel_async.cli.logins.store import LoginStore, default_path
    from mixpanel_async.cli.logins.vault import system_vault

    return LoginStore(default_path(environ), open_vault or system_vault)


def with_env_file(environ: Mapping[str, str], path: str | None) -> Mapping[str, str]:
    """Return the environment with the variables of a file such as .env; variables that are set and not empty win.

    Args:
        environ: The environment.
        path: Path of the file; None: no file.

    Raises:
        SourceError: The file cannot be read.
    """
    return environ if path is None else {**_read(path), **{name: one for name, one in environ.items() if one}}


def _read(path: str) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        with pathlib.Path(path).open(encoding="utf-8") as file:
            return {name: value for name, value in dotenv_values(stream=file).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read: {error}; give the path of a file such as .env") from None
