"""Credential types and their Authorization headers. A repr never shows the secret."""

import base64
from collections.abc import Iterable
from typing import ClassVar, Protocol, Self

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.redaction import REDACTED


def basic_authorization(user: str, password: str) -> str:
    """Return the value of an Authorization header for a user with a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _checked(kind: str, name: str, value: str) -> str:
    if not value or value != value.strip() or not value.isprintable():
        raise InvalidSettingError(f"{kind}: {name} must be a non-empty string without spaces around it")
    return value


class Credential(Protocol):
    """Something that a request can be authorised with.

    Attributes:
        names_project: Whether it belongs to one project; if not, calls say which one by `project_id`.
    """

    names_project: ClassVar[bool]

    def authorization(self) -> str:
        """Return the value of the Authorization header."""

    def secrets(self) -> Iterable[str]:
        """Return the strings that must never be shown."""


class _Secret:
    """One secret string, with a name or without; equal by value, so that lanes of equal credentials are one lane."""

    __slots__ = ("_secret",)
    _name = "secret"
    names_project: ClassVar[bool] = False

    def __init__(self, secret: str) -> None:
        self._secret = _checked(type(self).__name__, self._name, secret)

    def secrets(self) -> tuple[str, ...]:
        """Return the strings that must never be shown."""
        return (self._secret,)

    def _shown(self) -> str:
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown()}{self._name}={REDACTED})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Secret) and (repr(self), self._secret) == (repr(other), other._secret)

    def __hash__(self) -> int:
        return hash((repr(self), self._secret))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} is not pickled: its secret would be written out")


class _Basic(_Secret):
    """A secret that goes out as a user or password."""

    __slots__ = ()

    def authorization(self) -> str:
        """Return the value of the Authorization header."""
        return basic_authorization(self._secret, "")

    def secrets(self) -> tuple[str, ...]:
        """Return the strings that must never be shown; a server may repeat the header that it got."""
        return (self._secret, self.authorization().partition(" ")[2])


class ServiceAccount(_Basic):
    """A service account: basic auth; calls made with it need a `project_id`.

    Args:
        username: Name of the service account, as Mixpanel shows it.
        secret: Its secret.

    Reference: https://developer.mixpanel.com/reference/service-accounts

    Example:
        ```python
        account = ServiceAccount("nightly-export", "secret")
        mp = AsyncMixpanel("project-token", credentials=account, project_id=1)
        await mp.aclose()
        ```
    """

    __slots__ = ("username",)

    def __init__(self, username: str, secret: str) -> None:
        super().__init__(secret)
        self.username = _checked("ServiceAccount", "username", username)
        if ":" in username:
            raise InvalidSettingError("ServiceAccount: username must not contain a colon")

    def authorization(self) -> str:
        """Return the value of the Authorization header."""
        return basic_authorization(self.username, self._secret)

    def _shown(self) -> str:
        return f"username={self.username!r}, "


class ProjectSecret(_Basic):
    """A project's API secret: basic auth with the secret as user and an empty password.

    Args:
        secret: The project secret.

    Reference: https://developer.mixpanel.com/reference/project-secret

    Example:
        ```python
        mp = AsyncMixpanel("project-token", credentials=ProjectSecret("project-secret"))
        await mp.aclose()
        ```
    """

    __slots__ = ()
    names_project: ClassVar[bool] = True


class ProjectToken(_Basic):
    """A project token as a credential, for /import, funnels and the deletion of pipelines: basic auth with it as user.

    Args:
        token: The project token.

    Reference: https://developer.mixpanel.com/reference/project-token

    Example:
        ```python
        funnels = await mp.query.list_funnels(credential=ProjectToken("project-token"))
        ```
    """

    __slots__ = ()
    names_project: ClassVar[bool] = True
    _name = "token"


class OAuthToken(_Secret):
    """An OAuth bearer token.

    Args:
        token: The token, without the word `Bearer`.

    Reference: https://developer.mixpanel.com/reference/oauth

    Example:
        ```python
        mp = AsyncMixpanel("project-token", credentials=OAuthToken("oauth-token"), project_id=1)
        await mp.aclose()
        ```
    """

    __slots__ = ()
    _name = "token"

    def authorization(self) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {self._secret}"
