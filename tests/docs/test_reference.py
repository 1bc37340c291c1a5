import ast
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from mixpanel_async import emulator
from tests import ROOT
from tests.docs.public import Public, everything
from tests.docs.snippets import blocks_of
from tools import reference

PACKAGE = ROOT / "mixpanel_async"
TYPE_VARIABLES = {"T", "P"}
# What needs no example: values that calls return, and exceptions.
RESULTS = {
    "Ack", "DeliveryReport", "EventDifference", "ExportProgress", "ExportReport", "FlagReason", "FlagsChange",
    "FlagsStatus", "ImportProgress", "ImportReport",
    "Outcome", "ReconcileProgress", "ReconcileReport", "RecordError", "Stats", "SyncReport", "Verdict", "MixpanelError",
}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference pages, as `make docs` builds them."""
    directory = tmp_path_factory.mktemp("docs")
    reference.build(directory)
    return directory


def test_every_public_name_has_a_page(built: Path) -> None:
    """What a package exports and each method of the client and its groups is on the page of its module."""
    anchors: dict[str, set[str]] = {}
    missing = []
    for public in everything():
        if public.page not in anchors:
            page = built / f"{public.page.replace('.', '/')}.html"
            anchors[public.page] = set(re.findall(r'id="([\w.]+)"', page.read_text(encoding="utf-8")))
        if public.anchor not in anchors[public.page]:
            missing.append(f"{public.page}#{public.anchor}")
    assert missing == []


@pytest.mark.parametrize("public", everything(), ids=lambda one: one.name)
def test_a_public_name_has_a_docstring(public: Public) -> None:
    """A public class, function or method says what it does; a call and a setting show an example."""
    assert public.doc
    assert public.doc.count("Example:") == len(blocks_of(public.doc)), "an example is a block of Python"
    is_value = public.name in RESULTS or (isinstance(public.value, type) and public.page.endswith("emulator"))
    assert is_value or blocks_of(public.doc), "no example"


def names_defined_in(folder: Path) -> Mapping[str, set[str]]:
    """Names that modules define at their top level for others, with the modules: classes, functions, types, values."""
    homes: dict[str, set[str]] = defaultdict(set)
    for path in folder.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for name in _names_of(node):
                homes[name].add(path.relative_to(PACKAGE).as_posix())
    return {name: modules for name, modules in homes.items() if not name.startswith("_") and name not in TYPE_VARIABLES}


def _names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def test_a_name_means_one_thing() -> None:
    """No two modules define a class, function, type or value of the same name.

    Commands of the command line are named as users type them, and nothing imports them. The local server must not know
    the client, so that it may have functions for the same purpose; what it exports has names of its own.
    """
    twice = {}
    for name, homes in names_defined_in(PACKAGE).items():
        found = {home for home in homes if not home.startswith(("cli/commands/", "emulator/"))}
        if len(found) > 1 or (found and name in emulator.__all__):
            twice[name] = sorted(homes)
    assert twice == {}
