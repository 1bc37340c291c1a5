import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import pytest

from mixpanel_async.emulator import EmulatorSettings
from mixpanel_async.testing import LocalMixpanel

HERE = pathlib.Path(__file__).parent
# Fixed versions: a test must not fail because somebody published something.
NODE_PACKAGES = ("mixpanel@0.24.0", "mixpanel-import@3.1.43", "mixpanel-browser@2.83.0", "playwright-core@1.65.1")
INSTALL_SECONDS = 300
RUN_SECONDS = 120

Program = Callable[..., str]


@pytest.fixture
def server() -> Iterator[LocalMixpanel]:
    """A fresh local server, of a project with Original ID Merge, so that aliases and merges have an effect."""
    with LocalMixpanel(EmulatorSettings(id_merge="original")) as running:
        yield running


@pytest.fixture(scope="session")
def node_folder() -> pathlib.Path:
    """A folder with the npm packages, kept between runs; skips where they cannot be installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    cache = os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()
    folder = pathlib.Path(cache) / "mixpanel_async-foreign-clients" / "-".join(NODE_PACKAGES).replace("@", "_")
    done = folder / "installed"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *NODE_PACKAGES]
        ended = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if ended.returncode != 0:
            pytest.skip(f"the npm packages cannot be installed: {ended.stderr.strip()[-300:]}")
        done.touch()
    return folder


@pytest.fixture
def node(node_folder: pathlib.Path) -> Program:
    """Run a program of the folder `programs` with node; it fails the test if the program fails."""

    def run(name: str, *arguments: str) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "NODE_PATH": str(node_folder / "node_modules"),
            "HOME": str(node_folder),
        }
        return _output(["node", str(HERE / "programs" / name), *arguments], environment)

    return run


@pytest.fixture
def chromium() -> str:
    """The path of a Chromium; skips where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is not installed")
    return found


@pytest.fixture
def python() -> Program:
    """Run a program of the folder `programs` with Python; skips where its package is not installed."""

    def run(name: str, *arguments: str, needs: str) -> str:
        if importlib.util.find_spec(needs) is None:
            pytest.skip(f"{needs} is not installed")
        return _output([sys.executable, str(HERE / "programs" / name), *arguments], dict(os.environ))

    return run


def _output(command: list[str], environment: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout
