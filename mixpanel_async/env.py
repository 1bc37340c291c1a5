"""Reads MIXPANEL_* environment variables."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from mixpanel_async.auth import Credential, OAuthToken, ProjectSecret, ServiceAccount
from mixpanel_async.config import Region, Server, Settings, read_region
from mixpanel_async.errors import InvalidSettingError, MissingCredentialsError

_PROXIES: Final = ("http", "https", "all", "no")
_SWITCH: Final = {
    **dict.fromkeys(("", "0", "false", "no", "off"), False),
    **dict.fromkeys(("1", "true", "yes", "on"), True),
}


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Values of the MIXPANEL_* environment variables; None if not set."""

    token: str | None = None
    credentials: Credential | None = None
    project_id: int | None = None
    workspace_id: int | None = None
    region: Region = Region.US
    base_url: str | None = None

    def check(self, prefix: str = "MIXPANEL_") -> None:
        """Check that a client can do something with it.

        Args:
            prefix: How the names of its variables begin, for the error.

        Raises:
            MissingCredentialsError: Neither a token nor a credential is set.
        """
        if self.token is None and self.credentials is None:
            raise MissingCredentialsError(
                f"no credential is set: set {prefix}TOKEN to send records, and {prefix}SERVICE_ACCOUNT_USERNAME, "
                f"{prefix}SERVICE_ACCOUNT_SECRET and {prefix}PROJECT_ID for everything else"
            )

    def __repr__(self) -> str:
        return f"Environment(credentials={self.credentials!r}, project_id={self.project_id}, region={self.region})"


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Return whether MIXPANEL_DISABLED switches sending off.

    Raises:
        InvalidSettingError: It is neither 1, true, yes, on nor 0, false, no, off.
    """
    value = environ.get("MIXPANEL_DISABLED", "").strip().lower()
    if value not in _SWITCH:
        raise InvalidSettingError(f"MIXPANEL_DISABLED is invalid: it is {value!r}; set it to 1 or 0")
    return _SWITCH[value]


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Return the values of the MIXPANEL_* environment variables.

    MIXPANEL_TOKEN, _PROJECT_ID, _WORKSPACE_ID, _SERVICE_ACCOUNT_USERNAME, _SERVICE_ACCOUNT_SECRET, _PROJECT_SECRET,
    _OAUTH_TOKEN, _REGION and _BASE_URL. Empty variables count as not set.

    Raises:
        InvalidSettingError: A value cannot be used, half of a service account is missing, or there are two credentials.
    """

    def value(name: str) -> str | None:
        return environ.get(f"MIXPANEL_{name}") or None

    region = value("REGION")
    return Environment(
        token=value("TOKEN"),
        credentials=read_credentials(
            username=value("SERVICE_ACCOUNT_USERNAME"),
            account_secret=value("SERVICE_ACCOUNT_SECRET"),
            project_secret=value("PROJECT_SECRET"),
            oauth_token=value("OAUTH_TOKEN"),
        ),
        project_id=_read_id("MIXPANEL_PROJECT_ID", value("PROJECT_ID")),
        workspace_id=_read_id("MIXPANEL_WORKSPACE_ID", value("WORKSPACE_ID")),
        region=read_region(region) if region else Region.US,
        base_url=value("BASE_URL"),
    )


def read_proxy(environ: Mapping[str, str], addresses: Iterable[str]) -> str | None:
    """Return the URL of the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names, or None.

    The names in lower case win, and HTTP_PROXY does not count where REQUEST_METHOD is set, since a CGI server takes it
    from a header of the request. A client has one proxy for all its servers: NO_PROXY counts if it covers all of them.

    Args:
        environ: The environment.
        addresses: URLs of the servers that the client uses.
    """
    found = {one: environ.get(f"{one}_proxy") or environ.get(f"{one.upper()}_PROXY") for one in _PROXIES}
    if "REQUEST_METHOD" in environ:
        found["http"] = environ.get("http_proxy")
    proxies = {one: value for one, value in found.items() if value}
    if not proxies.keys() - {"no"}:
        return None
    servers = [urlsplit(address) for address in addresses]
    if all(_is_excluded(one.netloc, proxies) for one in servers):
        return None
    scheme = "https" if any(one.scheme == "https" for one in servers) else "http"
    return proxies.get(scheme) or proxies.get("all")


def with_proxy(settings: Settings | None, environ: Mapping[str, str], servers: Mapping[Server, str]) -> Settings:
    """Return settings with the proxy of the environment, unless they have one.

    Raises:
        InvalidSettingError: The proxy of the environment is not the URL of an HTTP proxy.
    """
    settings = settings or Settings()
    proxy = read_proxy(environ, servers.values()) if settings.proxy is None else None
    return settings if proxy is None else msgspec.structs.replace(settings, proxy=proxy)


def _is_excluded(host: str, proxies: Mapping[str, str]) -> bool:
    from urllib import request

    # A public function of CPython that typeshed leaves out: it takes the variables as an argument.
    return bool(request.proxy_bypass_environment(host, dict(proxies)))  # type: ignore[attr-defined]


def read_credentials(
    *, username: str | None, account_secret: str | None, project_secret: str | None, oauth_token: str | None
) -> Credential | None:
    """Return the only credential among the given strings, or None without one.

    Raises:
        InvalidSettingError: Half of a service account is missing, or there is more than one credential.
    """
    if (username is None) != (account_secret is None):
        raise InvalidSettingError("a service account needs both its username and its secret; one of them is missing")
    found: list[Credential] = []
    if username is not None and account_secret is not None:
        found.append(ServiceAccount(username, account_secret))
    if project_secret is not None:
        found.append(ProjectSecret(project_secret))
    if oauth_token is not None:
        found.append(OAuthToken(oauth_token))
    if len(found) > 1:
        kinds = ", ".join(type(c).__name__ for c in found)
        raise InvalidSettingError(f"more than one credential is set ({kinds}); keep one")
    return found[0] if found else None


def _read_id(name: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit():
        raise InvalidSettingError(
            f"{name} is invalid: {value!r} is not a whole number above 0; give one such as 1234567"
        )
    return int(value)
