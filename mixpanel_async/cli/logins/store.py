"""The file of saved logins."""

import os
import pathlib
import tomllib
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import platformdirs
import tomli_w

from mixpanel_async.cli.logins.login import Login
from mixpanel_async.cli.logins.vault import Vault
from mixpanel_async.errors import InvalidArgumentError, SourceError
from mixpanel_async.jobs.atomic_write import AtomicFile

_TABLE: Final = "profiles"


def default_path(environ: Mapping[str, str]) -> pathlib.Path:
    """Return the path of the file: MIXPANEL_CONFIG, or config.toml in the user's folder for configuration."""
    given = environ.get("MIXPANEL_CONFIG")
    return pathlib.Path(given) if given else platformdirs.user_config_path("mixpanel-async") / "config.toml"


class LoginStore:
    """The saved logins.

    Args:
        path: Path of the file; it need not exist.
        open_vault: Returns what keeps the secrets; None: the file does, readable by its user only.
    """

    def __init__(self, path: pathlib.Path, open_vault: Callable[[], Vault | None]) -> None:
        self.path = path
        self._open_vault = open_vault

    def load(self) -> dict[str, Login]:
        """Return the logins by name, without the secrets that the keyring has.

        Raises:
            SourceError: The file cannot be read, is not TOML, or has an unknown or invalid key.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{self.path}: cannot be read: {error}") from None
        try:
            found = tomllib.loads(text)
            return msgspec.convert(found.get(_TABLE, {}), dict[str, Login])
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise SourceError(f"{self.path}: not a file of logins: {error}; correct it, or remove it") from None

    def get(self, name: str) -> Login | None:
        """Return a login with its secrets; None: there is no such login.

        Raises:
            SourceError: The file cannot be read, or the keyring lacks a secret.
        """
        login = self.load().get(name)
        if login is None or not login.in_keyring:
            return login
        vault = self._open_vault()
        secrets = {field: _secret(vault, name, field) for field in login.in_keyring}
        return msgspec.structs.replace(login, **secrets, in_keyring=())

    def save(self, name: str, login: Login) -> None:
        """Save a login; one of the same name is replaced.

        Raises:
            OutputError: The file cannot be written.
            SourceError: The file that is there is not one of logins, or the keyring does not answer.
        """
        logins = self.load()
        vault = self._open_vault() if login.secrets else None
        if vault is not None:
            for field, secret in login.secrets.items():
                vault.set(_key(name, field), secret)
            kept = tuple(login.secrets)
            login = msgspec.structs.replace(login, **dict.fromkeys(kept), in_keyring=kept)
        self._write({**logins, name: login})

    def remove(self, name: str) -> None:
        """Remove a login and its secrets.

        Raises:
            InvalidArgumentError: There is no such login.
        """
        logins = self.load()
        if name not in logins:
            raise InvalidArgumentError(f"there is no saved login {name!r} in {self.path}; {_known(logins)}")
        vault = self._open_vault() if logins[name].in_keyring else None
        if vault is not None:
            for field in logins[name].in_keyring:
                vault.delete(_key(name, field))
        self._write({one: login for one, login in logins.items() if one != name})

    def _write(self, logins: Mapping[str, Login]) -> None:
        content = {_TABLE: {name: msgspec.to_builtins(login) for name, login in sorted(logins.items())}}
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SourceError(f"{self.path.parent}: cannot be created: {os.strerror(error.errno or 0)}") from None
        file = AtomicFile(self.path)
        try:
            file.write(tomli_w.dumps(content).encode())
            file.commit()
        finally:
            file.discard()


def _secret(vault: Vault | None, name: str, field: str) -> str:
    found = None if vault is None else vault.get(_key(name, field))
    if found is None:
        raise SourceError(f"the keyring has no {field} of the login {name!r}; run mixpanel-async login again")
    return found


def _key(name: str, field: str) -> str:
    return f"{name}/{field}"


def _known(logins: Mapping[str, Login]) -> str:
    return f"saved are {', '.join(sorted(logins))}" if logins else "none is saved"
