import pathlib
import stat
import sys

import pytest

from mixpanel_async.cli.logins.login import Login
from mixpanel_async.cli.logins.store import LoginStore, default_path
from mixpanel_async.errors import InvalidArgumentError, MixpanelError, SourceError

SECRET = "account-secret-0123456789"
LOGIN = Login(token="token-1", service_account_username="robot", service_account_secret=SECRET, project_id=7)


class Memory:
    """A keyring in memory."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self.secrets.get(name)

    def set(self, name: str, secret: str) -> None:
        self.secrets[name] = secret

    def delete(self, name: str) -> None:
        self.secrets.pop(name, None)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "folder" / "config.toml"


def test_without_a_keyring_the_file_keeps_the_secret(path: pathlib.Path) -> None:
    """A login comes back as it was saved; only its user can read the file."""
    store = LoginStore(path, lambda: None)
    assert store.get("default") is None
    store.save("default", LOGIN)
    store.save("with spaces ünd", Login(token="token-2", region="eu"))
    assert store.get("default") == LOGIN
    assert sorted(store.load()) == ["default", "with spaces ünd"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_keyring_keeps_the_secret(path: pathlib.Path) -> None:
    """With a keyring, the file has no secret; removing the login removes it from both."""
    vault = Memory()
    store = LoginStore(path, lambda: vault)
    store.save("default", LOGIN)
    assert SECRET not in path.read_text()
    assert store.get("default") == LOGIN
    store.remove("default")
    assert vault.secrets == {}
    assert store.load() == {}


def test_a_keyring_that_lost_a_secret(path: pathlib.Path) -> None:
    """A secret that is no longer there is an error that says what to do."""
    LoginStore(path, Memory).save("default", LOGIN)
    with pytest.raises(SourceError, match="no service_account_secret of the login 'default'; run mixpanel-async login"):
        LoginStore(path, Memory).get("default")
    with pytest.raises(SourceError, match="login again"):
        LoginStore(path, lambda: None).get("default")


@pytest.mark.parametrize(
    "content",
    [b"[profiles", b"[profiles.a]\nsecret = 1", b"[profiles.a]\nproject_id = 'x'", b"profiles = 3", b"\xff"],
)
def test_a_damaged_file(path: pathlib.Path, content: bytes) -> None:
    """A file that is not one of logins is an error that names it, and it is not overwritten."""
    path.parent.mkdir()
    path.write_bytes(content)
    store = LoginStore(path, lambda: None)
    with pytest.raises(SourceError, match=r"config\.toml: "):
        store.load()
    with pytest.raises(SourceError):
        store.save("default", LOGIN)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written(tmp_path: pathlib.Path) -> None:
    """A folder that cannot be created is an error that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MixpanelError, match="file"):
        LoginStore(tmp_path / "file" / "config.toml", lambda: None).save("default", LOGIN)


def test_an_unknown_login_is_not_removed(path: pathlib.Path) -> None:
    """The error names those that are saved."""
    store = LoginStore(path, lambda: None)
    store.save("shop", LOGIN)
    with pytest.raises(InvalidArgumentError, match="saved are shop"):
        store.remove("default")


def test_the_path_of_the_file(tmp_path: pathlib.Path) -> None:
    """MIXPANEL_CONFIG names the file; otherwise it is in the user's folder for configuration."""
    assert default_path({"MIXPANEL_CONFIG": str(tmp_path / "own.toml")}) == tmp_path / "own.toml"
    assert default_path({}).name == "config.toml"
