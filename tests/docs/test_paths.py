import re
from pathlib import Path

import pytest

from tests import ROOT

DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").rglob("*.md"))
# `mixpanel_async/` is left out where the text is about the package's own modules.
PLACES = (ROOT, ROOT / "mixpanel_async")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    """A path in a document, in a link or as code, is that of a file; a module that was moved is noticed."""
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|json|md|toml))`", text))
    linked = {link for link in re.findall(r"\]\(([^)#:]+)\)", text) if "://" not in link}
    missing = {name for name in named if not any((place / name).exists() for place in PLACES)}
    missing |= {link for link in linked if not (document.parent / link).exists()}
    assert missing == set()


def test_every_decision_is_listed() -> None:
    """The list of decisions names each record of a decision."""
    folder = ROOT / "docs/decisions"
    listed = set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in folder.glob("0*.md")}
