"""The house: imports point down the floors, and rooms on one floor leave each other alone."""

import ast
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "mixpanel_async"
FLOORS = [
    {"errors", "models", "limits", "clock", "redaction", "_version"},
    {"config", "auth", "remote", "codecs"},
    {"env", "records"},
    {"session"},
    {"actions", "engine"},
    {"tracking", "jobs"},
    {"client"},
    {"cli", "__main__"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# The command's two names.
NEIGHBOURS = {("__main__", "cli")}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: pathlib.Path) -> Iterator[str]:
    """Yield the full names of what a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path: pathlib.Path) -> None:
    """A module imports only from the floors below its own, and from its own room."""
    here = room_of(path)
    if here == "__init__":
        return
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "mixpanel_async" or len(parts) < 2:
            continue
        there = parts[1]
        if there in {here, "__version__"} or (here, there) in NEIGHBOURS:
            continue
        if here == "emulator":
            assert there == "limits", f"the local server is an independent oracle; it imports {name}"
            continue
        assert there in FLOOR_OF or here in {"cli", "__main__"}, f"{name} is in no room"
        assert FLOOR_OF.get(there, -1) < FLOOR_OF[here], f"{here} must not import {name}"


def test_every_room_is_on_a_floor() -> None:
    """A new room gets its place in the house before it gets code."""
    rooms = {room_of(path) for path in MODULES} - {"__init__", "emulator"}
    assert rooms <= set(FLOOR_OF)


def test_aiohttp_is_known_in_one_place() -> None:
    """On the client's side only the transport knows the HTTP library; addresses give fsspec's one its time-outs."""
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if room_of(path) != "emulator" and any(name.split(".")[0] == "aiohttp" for name in imports_of(path))
    }
    assert users == {"session/transport.py", "remote.py"}


def test_extras_are_imported_late() -> None:
    """The core works without its extras: none is imported when a module is."""
    extras = {"typer", "rich", "duckdb", "pyarrow", "pandas", "polars", "zstandard", "fsspec"}
    for path in MODULES:
        if room_of(path) in {"cli", "emulator"}:
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
    """The HTTP library and the optional parts are imported when a client is made, not before."""
    code = "import sys, mixpanel_async; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "mixpanel_async" in done.stdout
    for heavy in ("aiohttp", "typer", "rich", "duckdb", "pyarrow"):
        assert f"'{heavy}'" not in done.stdout
