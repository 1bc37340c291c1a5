"""The files of the page, which are read from the package once."""

import importlib.resources
from collections.abc import Mapping
from typing import Final, NamedTuple

_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
HOME: Final = "index.html"
# Nothing but the server's own files is loaded, and no text can become a script or a form.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Asset(NamedTuple):
    """One file of the page."""

    content_type: str
    content: bytes


def read_assets() -> dict[str, Asset]:
    """Return the files by name."""
    folder = importlib.resources.files("mixpanel_async.emulator.page") / "static"
    return {
        file.name: Asset(_TYPES[file.name.rpartition(".")[2]], file.read_bytes())
        for file in folder.iterdir()
        if file.name.rpartition(".")[2] in _TYPES
    }
