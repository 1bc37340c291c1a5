"""One saved login."""

from collections.abc import Mapping
from typing import Final

import msgspec

SECRETS: Final = ("service_account_secret", "project_secret", "oauth_token")


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Credentials of one project, named as the variables MIXPANEL_* are.

    Attributes:
        token: Project token.
        project_id: Project ID.
        workspace_id: Workspace ID.
        service_account_username: Name of the service account.
        service_account_secret: Its secret.
        project_secret: Secret of the project.
        oauth_token: OAuth token.
        region: us, eu or in.
        base_url: URL of one server for all requests.
        in_keyring: Names of the secrets that the keyring has instead of the file.
    """

    token: str | None = None
    project_id: int | None = None
    workspace_id: int | None = None
    service_account_username: str | None = None
    service_account_secret: str | None = None
    project_secret: str | None = None
    oauth_token: str | None = None
    region: str | None = None
    base_url: str | None = None
    in_keyring: tuple[str, ...] = ()

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> "Login":
        """Return the login that the variables MIXPANEL_* make.

        Raises:
            msgspec.ValidationError: A value has the wrong type.
        """
        names = [name for name in cls.__struct_fields__ if name != "in_keyring"]
        found = {name: variables.get(f"MIXPANEL_{name.upper()}") for name in names}
        return msgspec.convert({name: value for name, value in found.items() if value}, cls, strict=False)

    @property
    def variables(self) -> dict[str, str]:
        """The login as variables MIXPANEL_*."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name != "in_keyring"}
        return {f"MIXPANEL_{name.upper()}": str(value) for name, value in fields.items() if value is not None}

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets, by name."""
        found = {name: getattr(self, name) for name in SECRETS}
        return {name: value for name, value in found.items() if value is not None}
