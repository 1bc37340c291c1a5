"""Decides where a command's credentials come from."""

from collections.abc import Callable, Mapping

import msgspec

from mixpanel_async.cli.logins.login import Login
from mixpanel_async.errors import InvalidArgumentError

DEFAULT = "default"
_CREDENTIALS = (
    "MIXPANEL_TOKEN",
    "MIXPANEL_SERVICE_ACCOUNT_USERNAME",
    "MIXPANEL_SERVICE_ACCOUNT_SECRET",
    "MIXPANEL_PROJECT_SECRET",
    "MIXPANEL_OAUTH_TOKEN",
)


class Chosen(msgspec.Struct, frozen=True):
    """Variables MIXPANEL_*, and where they come from.

    Attributes:
        variables: The variables.
        source: Where they come from, for people.
        name: Name of the saved login; None: the environment.
    """

    variables: Mapping[str, str]
    source: str
    name: str | None = None


def choose(environ: Mapping[str, str], name: str | None, saved: Callable[[str], Login | None]) -> Chosen:
    """Return the variables that a command uses.

    A login that is named, by --profile or MIXPANEL_PROFILE, takes the place of all variables: those of another project
    cannot slip in. Without a name, variables with credentials win over the saved login `default`; without such
    variables, the login is used, and variables such as MIXPANEL_REGION override its fields.

    Args:
        environ: The environment.
        name: Value of --profile.
        saved: Returns the saved login of a name.

    Raises:
        InvalidArgumentError: There is no saved login of that name.
    """
    named = name or environ.get("MIXPANEL_PROFILE")
    if named:
        login = saved(named)
        if login is None:
            raise InvalidArgumentError(f"there is no saved login {named!r}; run mixpanel-async login --profile {named}")
        return Chosen(login.variables, f"the saved login {named!r}", named)
    if not any(environ.get(one) for one in _CREDENTIALS):
        login = saved(DEFAULT)
        if login is not None:
            given = {one: value for one, value in environ.items() if one.startswith("MIXPANEL_") and value}
            return Chosen({**login.variables, **given}, f"the saved login {DEFAULT!r}", DEFAULT)
    return Chosen(environ, "the environment")
