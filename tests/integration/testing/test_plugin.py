"""The pytest plugin in a foreign project: its own folder, processes of pytest, other clients, xdist."""

import os
import pathlib
import subprocess
import sys
import textwrap
import venv

import pytest

ROOT = pathlib.Path(__file__).parents[3]
PROJECT = {
    "test_official.py": """
        from mixpanel import Consumer, Mixpanel

        def test_official_client(mixpanel_server):
            url = mixpanel_server.url
            consumer = Consumer(events_url=f"{url}/track", people_url=f"{url}/engage")
            mp = Mixpanel(mixpanel_server.token, consumer)
            mp.track("u1", "Signed Up", {"plan": "pro"})
            mp.people_set("u1", {"plan": "pro"})
            mixpanel_server.assert_tracked("Signed Up", distinct_id="u1", plan="pro")
            assert mixpanel_server.profiles()["u1"]["plan"] == "pro"
    """,
    "test_sync.py": """
        import urllib.request

        def send(url, body):
            with urllib.request.urlopen(f"{url}/track?verbose=1", data=body) as reply:
                return reply.read()

        def test_any_client(mixpanel_server):
            send(mixpanel_server.url, b'[{"event":"Paid","properties":{"token":"t","distinct_id":"u","n":1}}]')
            mixpanel_server.assert_tracked("Paid", distinct_id="u", n=1)

        def test_fresh(mixpanel_server):
            assert mixpanel_server.events() == []

        def test_environment(mixpanel_env):
            import os
            assert os.environ["MIXPANEL_BASE_URL"] == mixpanel_env.url
            assert "MIXPANEL_PROJECT_SECRET" not in os.environ
    """,
    "test_async.py": """
        import pytest
        from mixpanel_async import AsyncMixpanel

        async def sign_up():
            async with AsyncMixpanel.from_env() as mp:
                await mp.track("u1", "Signed Up", {"plan": "pro"})

        @pytest.mark.asyncio
        async def test_async(mixpanel_env):
            await sign_up()
            mixpanel_env.assert_tracked("Signed Up", plan="pro")

        @pytest.mark.asyncio(loop_scope="module")
        async def test_module_loop(mixpanel_env):
            await sign_up()
            assert await mixpanel_env.arrival("Signed Up", within=5)
    """,
}
REJECTING = """
    import urllib.request
    import pytest

    def send_bad(url):
        body = b'[{"event":"","properties":{"token":"t","plan":"pro"}}]'
        urllib.request.urlopen(f"{url}/track", data=body).close()

    def test_bad(mixpanel_server):
        send_bad(mixpanel_server.url)

    def test_allowed(mixpanel_server):
        mixpanel_server.allow_rejections()
        send_bad(mixpanel_server.url)

    @pytest.mark.mixpanel_allow_rejections
    def test_marked(mixpanel_server):
        send_bad(mixpanel_server.url)
"""


@pytest.fixture(scope="session")
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment with what a project that uses the plugin installs, and nothing else; returns its interpreter."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    packages = [f"{ROOT}[emulator]", "mixpanel", "pytest", "pytest-asyncio", "pytest-xdist"]
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode != 0:
        pytest.skip(f"the packages cannot be installed: {ended.stderr.strip()[-300:]}")
    return python


def run_pytest(folder: pathlib.Path, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MIXPANEL_PROJECT_SECRET": "of-the-developer"}
    return subprocess.run(
        [python, "-m", "pytest", "-q", "--strict-markers", "-W", "error", *arguments],
        check=False, cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def write(folder: pathlib.Path, files: dict[str, str]) -> None:
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    for name, text in files.items():
        (folder / name).write_text(textwrap.dedent(text))


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_a_foreign_project(tmp_path: pathlib.Path, arguments: tuple[str, ...], own_environment: str) -> None:
    """Tests of another project, with this client and others, use the fixtures without any configuration."""
    write(tmp_path, PROJECT)
    done = run_pytest(tmp_path, *arguments, python=own_environment)
    assert "6 passed" in done.stdout, done.stdout + done.stderr


def test_rejected_records_fail_the_test(tmp_path: pathlib.Path) -> None:
    """A test whose records were rejected fails at its end, with the reasons, unless it allows them."""
    write(tmp_path, {"test_bad.py": REJECTING})
    done = run_pytest(tmp_path)
    assert "3 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "must be a non-empty string" in done.stdout
    assert "mixpanel_allow_rejections" in done.stdout


def test_the_plugin_costs_nothing(tmp_path: pathlib.Path) -> None:
    """Loading the plugin imports neither the client nor the server nor DuckDB."""
    heavy = {"aiohttp", "duckdb", "msgspec", *(f"mixpanel_async.{name}" for name in ("client", "emulator", "testing"))}
    test = f"import sys\n\ndef test_none():\n    assert not {heavy!r} & set(sys.modules)\n"
    (tmp_path / "test_none.py").write_text(test)
    done = run_pytest(tmp_path, *(f"-pno:{name}" for name in ("asyncio", "aiohttp", "hypothesispytest", "anyio")))
    assert "1 passed" in done.stdout, done.stdout + done.stderr
