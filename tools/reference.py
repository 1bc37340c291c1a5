"""Builds the reference pages: every public name, with all members of each class.

Run as `python -m tools.reference [DIRECTORY]`.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pdoc
import pdoc.render

ROOT: Final = Path(__file__).parent.parent
# Pages of packages that show more than one module. A module below them whose name or folder is private has no page.
PACKAGES: Final = ("mixpanel_async.actions", "mixpanel_async.emulator")
# Pages of single modules: what the client's methods and groups take and return.
MODULES: Final = (
    "mixpanel_async",
    "mixpanel_async.auth",
    "mixpanel_async.errors",
    "mixpanel_async.models",
    "mixpanel_async.jobs.exports.events",
    "mixpanel_async.jobs.exports.profiles",
    "mixpanel_async.jobs.options",
    "mixpanel_async.session.messages",
    "mixpanel_async.tracking.profiles",
)


def pages() -> Iterator[str]:
    """Yield the full names of the modules that have a page."""
    yield from MODULES
    for package in PACKAGES:
        yield package
        if package == "mixpanel_async.actions":
            found = importlib.import_module(package)
            for module in pkgutil.walk_packages(found.__path__, f"{package}."):
                if not any(part.startswith("_") for part in module.name.split(".")):
                    yield module.name


def build(directory: Path) -> None:
    """Write the pages.

    Args:
        directory: Where to; `mixpanel_async.html` is the page of the package itself.
    """
    names = list(pages())
    for name in names:
        module = importlib.import_module(name)
        # pdoc looks into a module's dict; names that a module imports on first use are not there yet.
        for public in getattr(module, "__all__", ()):
            setattr(module, public, getattr(module, public))
    pdoc.render.configure(docformat="google", template_directory=ROOT / "docs/reference_template")
    pdoc.pdoc(*names, output_directory=directory)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build/docs"
    build(target)
    print(f"written: {target}/index.html")
