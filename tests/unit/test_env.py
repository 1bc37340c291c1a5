"""Environment variables."""

import pytest

from mixpanel_async import AsyncMixpanel, Region, ServiceAccount, Settings
from mixpanel_async.config import servers
from mixpanel_async.env import read_environment, read_proxy, with_proxy
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


HTTPS = ["https://api.mixpanel.com", "https://data.mixpanel.com"]


@pytest.mark.parametrize(
    ("environ", "addresses", "expected"),
    [
        ({}, HTTPS, None),
        ({"HTTPS_PROXY": "http://p:1"}, HTTPS, "http://p:1"),
        ({"https_proxy": "http://small:1", "HTTPS_PROXY": "http://large:1"}, HTTPS, "http://small:1"),
        ({"HTTP_PROXY": "http://p:1"}, HTTPS, None),
        ({"HTTP_PROXY": "http://p:1"}, ["http://localhost:8787"], "http://p:1"),
        ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, ["http://a.example"], None),
        ({"ALL_PROXY": "http://p:1"}, HTTPS, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "mixpanel.com"}, HTTPS, None),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, HTTPS, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "api.mixpanel.com"}, HTTPS, "http://p:1"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "localhost:8787"}, ["http://localhost:8787"], None),
        ({"HTTPS_PROXY": ""}, HTTPS, None),
    ],
)
def test_the_proxy_of_the_environment(environ: dict[str, str], addresses: list[str], expected: str | None) -> None:
    """HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY choose a proxy as they do for other programs."""
    assert read_proxy(environ, addresses) == expected


def test_settings_win_over_the_proxy_of_the_environment() -> None:
    """Settings without a proxy get that of the environment; others keep theirs."""
    environ = {"HTTPS_PROXY": "http://proxy.example:3128"}
    assert with_proxy(None, environ, servers(Region.EU)).proxy == "http://proxy.example:3128"
    own = Settings(proxy="http://own.example:1")
    assert with_proxy(own, environ, servers(Region.EU)).proxy == "http://own.example:1"


def test_a_proxy_that_is_not_one() -> None:
    """A proxy of the environment that cannot be used is an error at the start."""
    with pytest.raises(InvalidSettingError, match="proxy must look like"):
        AsyncMixpanel.from_env(environ={"MIXPANEL_TOKEN": "token", "HTTPS_PROXY": "socks5://p:1"})
