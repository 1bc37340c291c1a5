"""Credentials, and how secrets are kept out of text."""

import base64
import copy
import pickle

import pytest

from mixpanel_async import OAuthToken, ProjectSecret, ServiceAccount
from mixpanel_async.auth import Credential, ProjectToken
from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.redaction import redact

SECRET = "s3cret-do-not-show"


@pytest.mark.parametrize(
    ("credential", "header"),
    [
        (ServiceAccount("user", SECRET), "Basic " + base64.b64encode(f"user:{SECRET}".encode()).decode()),
        (ProjectSecret(SECRET), "Basic " + base64.b64encode(f"{SECRET}:".encode()).decode()),
        (ProjectToken(SECRET), "Basic " + base64.b64encode(f"{SECRET}:".encode()).decode()),
        (OAuthToken(SECRET), f"Bearer {SECRET}"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_credentials(credential: Credential, header: str) -> None:
    """Each kind of credential has its header, compares by value, and never shows its secret."""
    assert credential.authorization() == header
    secrets = list(credential.secrets())
    assert secrets[0] == SECRET
    assert redact(f"you sent {header}, {SECRET}", secrets) in {"you sent Basic ***, ***", "you sent Bearer ***, ***"}
    assert SECRET not in f"{credential!r} {credential!s}"
    same = copy.copy(type(credential)(*(("user", SECRET) if isinstance(credential, ServiceAccount) else (SECRET,))))
    assert (credential == same, hash(credential) == hash(same)) == (True, True)
    assert credential != ProjectSecret("other")
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(credential)


@pytest.mark.parametrize("value", ["", " x", "x\n", "a\x00b"])
def test_invalid_credentials(value: str) -> None:
    """A credential with a stray newline, a common mistake, raises at once instead of causing a 401."""
    for make in (ProjectSecret, OAuthToken, ProjectToken, lambda text: ServiceAccount("user", text)):
        with pytest.raises(InvalidSettingError, match="non-empty"):
            make(value)
