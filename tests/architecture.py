"""Reads the imports of a package, and finds those that break its layers.

A unit is a module or a folder, seen from a folder of the package: seen from `jobs`, `jobs/sources/files.py` is in the
unit `sources`. Imports count wherever they are: at the top, in a function, or for the type checker only.
"""

import ast
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, TypeAlias

Layers: TypeAlias = Sequence[AbstractSet[str]]


class Import(NamedTuple):
    """One import: the importing module, and the full name of what it imports.

    Names are full and without the package's own: `jobs.sources.files`. A name imported from a module is part of it:
    `errors.SourceError`.
    """

    module: str
    name: str


def modules_of(package: pathlib.Path) -> Mapping[str, pathlib.Path]:
    """Return the files of a package by the names of their modules; a folder's `__init__.py` has the folder's name."""
    return {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix("__init__").rstrip("."): path
        for path in sorted(package.rglob("*.py"))
    }


def names_imported(path: pathlib.Path) -> Iterator[str]:
    """Yield the full names of what a file imports, of any package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of(package: pathlib.Path) -> Sequence[Import]:
    """Return what the modules of a package import from the package itself."""
    own = package.name + "."
    return [
        Import(module, name.removeprefix(own))
        for module, path in modules_of(package).items()
        for name in names_imported(path)
        if name.startswith(own)
    ]


def unit_of(name: str, folder: str) -> str | None:
    """Return the unit of a name as seen from a folder; None if it is outside, or is the folder itself."""
    inside = name if not folder else name.removeprefix(folder + ".") if name.startswith(folder + ".") else ""
    return inside.partition(".")[0] or None


def units_of(package: pathlib.Path, folder: str) -> AbstractSet[str]:
    """Return the units in a folder of a package."""
    return {unit for module in modules_of(package) if (unit := unit_of(module, folder)) is not None}


def upward_imports(imports: Sequence[Import], folder: str, layers: Layers) -> Sequence[str]:
    """Return the imports between units of a folder that do not lead to a lower layer, as text.

    Units of one layer do not import each other. What `layers` does not list is not judged.
    """
    layer_of = {unit: number for number, units in enumerate(layers) for unit in units}
    problems = []
    for module, name in imports:
        here, there = unit_of(module, folder), unit_of(name, folder)
        if here == there or here not in layer_of or there not in layer_of:
            continue
        if layer_of[there] >= layer_of[here]:
            problems.append(f"{module} must not import {name}")
    return problems


def import_cycles(package: pathlib.Path) -> Sequence[Sequence[str]]:
    """Return the groups of modules that import each other, directly or through others."""
    modules = modules_of(package)
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for module, name in imports_of(package):
        target = name if name in modules else name.rpartition(".")[0]
        if target in modules and target != module:
            graph[module].add(target)
    reachable = {module: _reachable(graph, module) for module in graph}
    groups = {
        tuple(sorted(other for other in reachable[module] if module in reachable[other]))
        for module in graph
        if module in reachable[module]
    }
    return sorted(groups)


def _reachable(graph: Mapping[str, AbstractSet[str]], start: str) -> AbstractSet[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += graph[module]
    return found
