"""Where secrets are kept: in the keyring of the operating system, if there is one."""

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from mixpanel_async.errors import SourceError

_SERVICE = "mixpanel-async"


class Vault(Protocol):
    """Keeps secrets by name."""

    def get(self, name: str) -> str | None:
        """Return a secret; None: it is not there."""

    def set(self, name: str, secret: str) -> None:
        """Keep a secret."""

    def delete(self, name: str) -> None:
        """Forget a secret; does nothing if it is not there."""


class KeyringVault:
    """The keyring of the operating system.

    Args:
        keyring: The module `keyring`.
    """

    def __init__(self, keyring: Any) -> None:  # noqa: ANN401 - the library is optional
        self._keyring = keyring

    def get(self, name: str) -> str | None:
        """Return a secret; None: it is not there."""
        found = self._call(lambda: self._keyring.get_password(_SERVICE, name))
        return None if found is None else str(found)

    def set(self, name: str, secret: str) -> None:
        """Keep a secret."""
        self._call(lambda: self._keyring.set_password(_SERVICE, name, secret))

    def delete(self, name: str) -> None:
        """Forget a secret; does nothing if it is not there."""
        with contextlib.suppress(self._keyring.errors.PasswordDeleteError):
            self._keyring.delete_password(_SERVICE, name)

    def _call(self, work: Callable[[], object]) -> object:
        try:
            return work()
        except self._keyring.errors.KeyringError as error:
            raise SourceError(f"the keyring does not answer: {error}; unlock it, or log in with --no-keyring") from None


def system_vault() -> Vault | None:
    """Return the keyring; None: the library `keyring` is not installed, or the system has no keyring."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:
        return None
    unusable = isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring)
    return None if unusable else KeyringVault(keyring)
