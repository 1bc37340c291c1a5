"""Builds the reference pages: every public name, with all members of each class.

Run as `python -m tools.reference [DIRECTORY]`.
"""

import importlib
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pdoc
import pdoc.render

ROOT: Final = Path(__file__).parent.parent
# Single modules that have a page: what the client's methods and groups take and return.
MODULES: Final = (
    "mixpanel_async",
    "mixpanel_async.actions",
    "mixpanel_async.auth",
    "mixpanel_async.emulator",
    "mixpanel_async.errors",
    "mixpanel_async.expressions",
    "mixpanel_async.flags",
    "mixpanel_async.flags.client",
    "mixpanel_async.jobs.exports.events",
    "mixpanel_async.jobs.exports.profile_options",
    "mixpanel_async.jobs.exports.profiles",
    "mixpanel_async.jobs.options",
    "mixpanel_async.middleware",
    "mixpanel_async.middleware.aiohttp_web",
    "mixpanel_async.middleware.django",
    "mixpanel_async.migration",
    "mixpanel_async.models",
    "mixpanel_async.openfeature",
    "mixpanel_async.otel",
    "mixpanel_async.session.messages",
    "mixpanel_async.sync",
    "mixpanel_async.telemetry",
    "mixpanel_async.testing",
    "mixpanel_async.tracking.profiles",
)


def pages() -> Iterator[str]:
    """Yield the full names of the modules that have a page: those above, and the public modules of the API calls."""
    yield from MODULES
    package = importlib.import_module("mixpanel_async.actions")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        # pdoc shows a package together with its modules; its own page would show them twice.
        if not module.ispkg and "._" not in module.name:
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
    with warnings.catch_warnings():
        # Types of libraries that the package does not depend on, such as polars.DataFrame, have no link; a TypedDict
        # does not say which class a key comes from.
        for message in ("Error parsing", "Failed to run TYPE_CHECKING", "Cannot determine where"):
            warnings.filterwarnings("ignore", message=message)
        pdoc.pdoc(*names, output_directory=directory)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build/docs"
    build(target)
    print(f"written: {target}/index.html")
