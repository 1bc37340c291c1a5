"""The layers of the package: imports lead downwards, layer mates do not import each other, nothing is a cycle."""

import ast
import pathlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from tests.architecture import (
    Layers,
    import_cycles,
    imports_of,
    modules_of,
    names_imported,
    unit_of,
    units_of,
    upward_imports,
)

PACKAGE: Final = pathlib.Path(__file__).parent.parent / "mixpanel_async"
MODULES: Final = modules_of(PACKAGE)
IMPORTS: Final = imports_of(PACKAGE)
# From the bottom up, by folder; "" is the package itself. A unit imports from lower layers only.
LAYERS: Final[Mapping[str, Layers]] = {
    "": [
        {"errors", "json_types", "models", "limits", "clock", "redaction", "loading", "time_slice", "_version"},
        {"telemetry"},
        {"config", "auth", "remote", "codecs", "expressions"},
        {"env", "records"},
        {"session"},
        {"actions", "engine"},
        {"flags", "tracking", "jobs"},
        {"client"},
        {"migration", "openfeature", "otel", "sync"},
        {"cli", "middleware"},
        {"__main__"},
        {"testing"},
        {"pytest_plugin"},
    ],
    "flags": [
        {"comparisons", "definitions", "hashing", "log_once", "models", "requests", "typed_values"},
        {"exposures", "rules"},
        {"evaluation"},
        {"polling"},
        {"local"},
        {"remote"},
        {"client"},
    ],
    "middleware": [
        {"asgi_routes", "client_ip", "request_event", "user_agent"},
        {"options"},
        {"tracker"},
        {"aiohttp_web", "asgi", "bodies"},
        {"wsgi"},
        {"django"},
    ],
    "session": [
        {"errors", "loop_owner", "messages"},
        {"rate_limits", "retry", "streaming", "transport"},
        {"governor"},
        {"lazy_transport", "session"},
    ],
    "engine": [
        {"body", "concurrency", "dedupe", "delivery_log", "ledger", "memory_budget", "receipts"},
        {"batch", "flush_waiters"},
        {"decisions", "failure_callback"},
        {"lanes"},
        {"backpressure", "lane_specs"},
        {"accumulator"},
        {"sender"},
        {"engine"},
        {"context"},
    ],
    "jobs": [
        {"model", "preflight", "worker_thread"},
        {"atomic_write", "dedupe", "mapping", "options", "sources"},
        {"arguments", "state", "vendors"},
        {"encoding", "exports"},
        {"imports"},
        {"pipe"},
        {"run"},
        {"lake", "reconcile"},
    ],
    "actions": [
        {"_core", "lookup_csv"},
        {
            "annotations",
            "experiments",
            "feature_flags",
            "gdpr",
            "ingest",
            "lookup_tables",
            "projects",
            "query",
            "raw_export",
            "raw_request",
            "schemas",
            "service_accounts",
            "warehouse",
        },
        {"pipelines"},
    ],
    "cli": [
        {"command_table", "logins", "option_groups"},
        {"options", "render"},
        {"job_runner"},
        {"runner"},
        {"commands"},
        {"app"},
    ],
    "emulator": [
        {"faults", "projects", "replies", "rolling_window"},
        {"rules", "settings"},
        {"activity", "expressions", "store"},
        {"page"},
        {"app", "queries"},
        {"state"},
        {"http"},
        {"routes"},
        {"application"},
        {"server"},
    ],
}
# The local server judges the client by its own reading of Mixpanel's rules. It shares the documented limits and the
# exception classes with it, which contain no rule.
SHARED_WITH_LOCAL_SERVER: Final = {"limits", "errors"}


@pytest.mark.parametrize("folder", LAYERS, ids=lambda folder: folder or "package")
def test_imports_lead_downwards(folder: str) -> None:
    """A module imports only from its own unit and from the layers below; inside the larger folders, too."""
    assert not upward_imports(IMPORTS, folder, LAYERS[folder])


@pytest.mark.parametrize("folder", LAYERS, ids=lambda folder: folder or "package")
def test_every_unit_has_a_layer(folder: str) -> None:
    """A new module or folder gets its layer before it gets code, and a layer lists nothing that is gone."""
    listed = set[str]().union(*LAYERS[folder])
    assert units_of(PACKAGE, folder) - {"emulator"} == listed - {"emulator"}


def test_nothing_is_a_cycle() -> None:
    """No module imports itself through others, not even inside a function."""
    assert import_cycles(PACKAGE) == []


def test_the_local_server_is_independent() -> None:
    """The local server shares only the limits and the exceptions with the client; the command line and tests use it."""
    for module, name in IMPORTS:
        here, there = unit_of(module, ""), unit_of(name, "")
        if here == "emulator":
            assert there in {"emulator", *SHARED_WITH_LOCAL_SERVER}, f"{module} must not import {name}"
        elif there == "emulator":
            assert here in {"cli", "testing"}, f"{module} must not import {name}"


Write = Callable[..., pathlib.Path]


@pytest.fixture
def made_up(tmp_path: pathlib.Path) -> Write:
    """Write a package from the imports of its modules."""

    def write(**imports: str) -> pathlib.Path:
        package = tmp_path / "made_up"
        for name, line in imports.items():
            path = package / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(line, encoding="utf-8")
        return package

    return write


@pytest.mark.parametrize(
    "line",
    [
        "from made_up.high import Name",
        "import made_up.high",
        "from made_up import high",
        "def late():\n    from made_up.high import Name",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from made_up.high import Name",
    ],
)
def test_the_checker_finds_an_upward_import(made_up: Write, line: str) -> None:
    """An import from a higher layer is found in whatever form and place it is written."""
    package = made_up(low=line, high="")
    assert len(upward_imports(imports_of(package), "", [{"low"}, {"high"}])) == 1
    assert not upward_imports(imports_of(package), "", [{"high"}, {"low"}])


def test_the_checker_finds_imports_between_neighbours(made_up: Write) -> None:
    """Two units of one layer must not import each other, in the package and inside a folder of it."""
    package = made_up(
        jobs__csv__reader="from made_up.jobs.json.parser import Name",
        jobs__json__parser="",
        jobs__json__writer="from made_up.jobs.json.parser import Name",
        tracking="from made_up.jobs.csv import reader",
    )
    imports = imports_of(package)
    assert upward_imports(imports, "", [{"jobs", "tracking"}]) == ["tracking must not import jobs.csv.reader"]
    assert upward_imports(imports, "jobs", [{"csv", "json"}]) == [
        "jobs.csv.reader must not import jobs.json.parser.Name"
    ]
    assert units_of(package, "jobs") == {"csv", "json"}


def test_the_checker_finds_cycles(made_up: Write) -> None:
    """Modules that import each other are found, through however many others; a straight chain is not a cycle."""
    package = made_up(
        one="from made_up.two import Name",
        two="from made_up.folder.three import Name",
        folder__three="def late():\n    import made_up.one",
        four="from made_up.one import Name",
        five="from made_up import four",
    )
    assert import_cycles(package) == [("folder.three", "one", "two")]


def test_aiohttp_is_known_in_one_place() -> None:
    """On the client's side only the transport uses aiohttp; `remote` gives time-outs to the aiohttp of fsspec.

    The middleware for applications of aiohttp is on the side of a server.
    """
    users = {
        module
        for module, path in MODULES.items()
        if unit_of(module, "") != "emulator" and any(name.split(".")[0] == "aiohttp" for name in names_imported(path))
    }
    assert users - {"middleware.aiohttp_web"} == {"session.transport", "remote"}


def test_opentelemetry_is_known_in_one_place() -> None:
    """Only `otel` uses OpenTelemetry, and only its API; the rest knows a protocol."""
    users = {
        (unit_of(module, ""), name.split(".")[1])
        for module, path in MODULES.items()
        for name in names_imported(path)
        if name.startswith("opentelemetry.")
    }
    assert users == {("otel", "context"), ("otel", "metrics"), ("otel", "trace")}


def test_extras_are_imported_late() -> None:
    """The core works without its extras: importing a module imports none of them."""
    extras = {"typer", "rich", "duckdb", "pyarrow", "pandas", "polars", "zstandard", "fsspec", "ua_parser"}
    for module, path in MODULES.items():
        if unit_of(module, "") == "cli":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not extras & {name.split(".")[0] for name in names}, path


def test_importing_the_package_is_cheap() -> None:
    """Aiohttp and the optional dependencies are imported when a client is created, not before."""
    code = "import sys, mixpanel_async; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "mixpanel_async" in done.stdout
    for heavy in ("aiohttp", "typer", "rich", "duckdb", "pyarrow"):
        assert f"'{heavy}'" not in done.stdout
