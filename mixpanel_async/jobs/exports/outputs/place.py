"""Finds the folder of an output. Blocks."""

import os
import pathlib
from typing import Final
from urllib.parse import urlsplit

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.outputs.files import DiskFolder, Folder
from mixpanel_async.redaction import is_remote, shown

_SLASHES: Final = ("/", os.sep)
_FLAT: Final = frozenset({"memory"})  # schemes whose addresses begin with the path, and not with a bucket or a host


def is_folder(path: str) -> bool:
    """Return whether a path is that of a directory: an existing one, or one that ends in a slash.

    Raises:
        InvalidArgumentError: The path is empty.
    """
    if not path:  # as from an unset environment variable; it would mean the current directory
        raise InvalidArgumentError("path is invalid: it is empty; name a file, or ./ for the current directory")
    return path.endswith(_SLASHES) or (not is_remote(path) and pathlib.Path(path).is_dir())


def open_folder(path: str) -> Folder:
    """Return a directory.

    Raises:
        OutputError: The driver for its URL is missing.
        InvalidArgumentError: Nothing can be written to its URL.
    """
    if not is_remote(path):
        return DiskFolder(path)
    from mixpanel_async.jobs.exports.outputs.remote_files import RemoteFolder

    return RemoteFolder(path)


def open_parent(path: str) -> tuple[Folder, str]:
    """Return the directory of a file, and the file's name in it.

    Raises:
        The same as `open_folder`.
    """
    if is_remote(path):
        parent, _, name = path.rpartition("/")
        if parent.endswith("/") and urlsplit(path).scheme not in _FLAT:
            raise InvalidArgumentError(f"path is invalid: {shown(path)} names no file; add one after the bucket")
        return open_folder(f"{parent}/"), name
    whole = pathlib.Path(path)
    return DiskFolder(str(whole.parent)), whole.name
