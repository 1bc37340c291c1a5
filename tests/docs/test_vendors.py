"""docs/vendors.md is made from the tables, and the names of the presets are the same everywhere."""

from mixpanel_async.jobs.mapping.config import VENDORS
from mixpanel_async.jobs.vendors.presets import PRESETS
from tools.vendors import PAGE, page


def test_the_page_is_in_step() -> None:
    """The page says what the tables say; `python -m tools.vendors` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_names_of_the_presets() -> None:
    """Every name that a mapping takes has a table, and the other way round."""
    assert tuple(PRESETS) == VENDORS
