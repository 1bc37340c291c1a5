"""Credential checks: service account, project secret, OAuth token, and for /import the project token."""

import base64
import binascii
import hmac

from aiohttp import web

from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.settings import EmulatorSettings


def check_credentials(request: web.Request, settings: EmulatorSettings, *, project_token: bool = False) -> None:
    """Check the credential of a request.

    Args:
        request: The request.
        settings: The accepted credentials.
        project_token: Whether the endpoint accepts the project token.

    Raises:
        RefusalError: With 401, if the credential is missing or wrong, or belongs to another project; with 400, if a
            service account comes without project_id.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            if not value or not (_is_open(settings) or any(_same(value, known) for known in settings.oauth_tokens)):
                raise RefusalError(401, "invalid OAuth token")
        case "basic":
            _check_basic(*_basic_pair(value), settings=settings, project_token=project_token)
            if _basic_pair(value)[1] and "project_id" not in request.query:
                raise RefusalError(400, "project_id is required with a service account")
        case _:
            raise RefusalError(401, "credentials are required")
    _check_project(request, settings)


def _check_basic(user: str, password: str, *, settings: EmulatorSettings, project_token: bool) -> None:
    if not user:
        raise RefusalError(401, "invalid credentials")
    if _is_open(settings):
        return
    if password:
        known = settings.service_accounts.get(user)
        if known is None or not _same(password, known):
            raise RefusalError(401, "invalid service account credentials")
        return
    if settings.project_secret is not None and _same(user, settings.project_secret):
        return
    if project_token and settings.token is not None and _same(user, settings.token):
        return
    raise RefusalError(401, "invalid credentials")


def _check_project(request: web.Request, settings: EmulatorSettings) -> None:
    asked = request.query.get("project_id")
    if settings.project_id is not None and asked is not None and asked != str(settings.project_id):
        raise RefusalError(401, f"no access to project {asked}")


def _basic_pair(value: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RefusalError(401, "malformed basic authorization") from error
    return user, password


def _is_open(settings: EmulatorSettings) -> bool:
    return not (settings.service_accounts or settings.project_secret or settings.oauth_tokens)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())
