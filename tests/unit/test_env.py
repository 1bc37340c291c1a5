"""Environment variables."""

import pytest

from mixpanel_async import AsyncMixpanel, Region, ServiceAccount
from mixpanel_async.env import read_environment
from mixpanel_async.errors import InvalidSettingError, MissingCredentialsError

SECRET = "s3cret-do-not-show"


def test_the_environment() -> None:
    """Every variable sets its option; empty ones count as not set."""
    found = read_environment(
        {
            "MIXPANEL_TOKEN": "tok",
            "MIXPANEL_SERVICE_ACCOUNT_USERNAME": "user",
            "MIXPANEL_SERVICE_ACCOUNT_SECRET": SECRET,
            "MIXPANEL_PROJECT_ID": "42",
            "MIXPANEL_WORKSPACE_ID": "",
            "MIXPANEL_REGION": "EU",
            "MIXPANEL_BASE_URL": "http://127.0.0.1:1",
        }
    )
    assert (found.token, found.project_id, found.workspace_id, found.region) == ("tok", 42, None, Region.EU)
    assert found.credentials == ServiceAccount("user", SECRET)
    assert found.base_url == "http://127.0.0.1:1"
    assert SECRET not in repr(found)
    assert "tok" not in repr(found).replace("token", "")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SERVICE_ACCOUNT_USERNAME": "user"}, "username and its secret"),
        ({"SERVICE_ACCOUNT_SECRET": SECRET}, "username and its secret"),
        ({"PROJECT_SECRET": SECRET, "OAUTH_TOKEN": SECRET}, "more than one"),
        ({"PROJECT_ID": "abc"}, "MIXPANEL_PROJECT_ID"),
        ({"REGION": "moon"}, "us, eu, in"),
    ],
)
def test_a_wrong_environment(environ: dict[str, str], message: str) -> None:
    """An invalid variable raises an error that names it and does not show the secret."""
    with pytest.raises(InvalidSettingError, match=message) as caught:
        AsyncMixpanel.from_env(environ={f"MIXPANEL_{name}": value for name, value in environ.items()})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("environ", [{}, {"MIXPANEL_TOKEN": ""}, {"MIXPANEL_REGION": "eu"}])
def test_a_client_from_an_empty_environment_is_refused_at_once(environ: dict[str, str]) -> None:
    """A service without credentials fails when it starts, not at its first event, and is told what to set."""
    with pytest.raises(MissingCredentialsError, match="MIXPANEL_TOKEN"):
        AsyncMixpanel.from_env(environ=environ)
