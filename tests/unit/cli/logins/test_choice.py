from collections.abc import Callable, Mapping

import pytest

from mixpanel_async.cli.logins.choice import choose
from mixpanel_async.cli.logins.login import Login
from mixpanel_async.errors import InvalidArgumentError

SAVED = {
    "default": Login(token="default-token", project_id=1, region="eu"),
    "shop": Login(service_account_username="robot", service_account_secret="secret-12345", project_id=2),
}
ACCOUNT = {"MIXPANEL_SERVICE_ACCOUNT_USERNAME": "robot", "MIXPANEL_SERVICE_ACCOUNT_SECRET": "secret-12345"}


def saved(logins: Mapping[str, Login]) -> Callable[[str], Login | None]:
    """Return a store of logins."""
    return logins.get


@pytest.mark.parametrize(
    ("environ", "name", "expected", "used"),
    [
        ({}, None, {"MIXPANEL_TOKEN": "default-token", "MIXPANEL_PROJECT_ID": "1", "MIXPANEL_REGION": "eu"}, "default"),
        ({"MIXPANEL_REGION": "us"}, None, {"MIXPANEL_REGION": "us", "MIXPANEL_TOKEN": "default-token"}, "default"),
        ({"MIXPANEL_TOKEN": ""}, None, {"MIXPANEL_TOKEN": "default-token"}, "default"),
        ({"MIXPANEL_TOKEN": "own"}, None, {"MIXPANEL_TOKEN": "own"}, None),
        ({"MIXPANEL_TOKEN": "own"}, "shop", {**ACCOUNT, "MIXPANEL_PROJECT_ID": "2"}, "shop"),
        ({"MIXPANEL_PROFILE": "shop", "MIXPANEL_TOKEN": "own"}, None, {**ACCOUNT, "MIXPANEL_PROJECT_ID": "2"}, "shop"),
        ({"MIXPANEL_PROFILE": "shop"}, "default", {"MIXPANEL_TOKEN": "default-token"}, "default"),
    ],
)
def test_where_credentials_come_from(
    environ: dict[str, str], name: str | None, expected: dict[str, str], used: str | None
) -> None:
    """A named login replaces all variables; otherwise credentials of the environment win over the login `default`."""
    chosen = choose(environ, name, saved(SAVED))
    assert chosen.variables.items() >= expected.items()
    assert chosen.name == used
    if used == "shop":
        assert "MIXPANEL_TOKEN" not in chosen.variables, "a token of another project must not slip in"


def test_without_a_saved_login() -> None:
    """Without variables and without logins, the environment is used as it is."""
    assert choose({"MIXPANEL_REGION": "in"}, None, saved({})).variables == {"MIXPANEL_REGION": "in"}


def test_an_unknown_login() -> None:
    """A name that is not saved is an error that says how to save it; nothing else is used in its place."""
    with pytest.raises(InvalidArgumentError, match="mixpanel-async login --profile nobody"):
        choose({"MIXPANEL_TOKEN": "own"}, "nobody", saved(SAVED))
