"""Outputs at URLs such as s3://bucket/events.parquet; need the extra `remote`. Blocks."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mixpanel_async import remote
from mixpanel_async.errors import InvalidArgumentError, OutputError, SourceError
from mixpanel_async.jobs.atomic_write import exists_already, naming
from mixpanel_async.redaction import HTTP, shown

# Stores where a file that is being uploaded can be seen, and a rename replaces the old one; object stores show an
# object when all of it is there.
_RENAMING: Final = frozenset({"file", "local", "ftp", "sftp", "ssh", "smb", "hdfs", "webhdfs"})


class RemoteFolder:
    """A prefix in a store.

    An output is written to a temporary file of this machine first and then uploaded as a whole: only so is it certain
    that nothing incomplete appears, whatever the driver does when it is interrupted. The folder is not locked.

    Args:
        address: URL of the folder.

    Raises:
        OutputError: The driver is missing, or the store cannot be reached.
        InvalidArgumentError: The URL is one of a web server.
    """

    def __init__(self, address: str) -> None:
        self.name = shown(address)
        self._address = address
        scheme = address.partition("://")[0].lower()
        if scheme in HTTP:
            raise InvalidArgumentError(
                f"path is invalid: {self.name} is on a web server, which takes no files; name a file or a bucket"
            )
        try:
            self._store, path = remote.filesystem_of(address, self.name)
        except SourceError as error:
            raise OutputError(str(error)) from None
        self._path = path.rstrip("/")
        self._is_renaming = scheme in _RENAMING
        with self._translated("write"):
            self._store.invalidate_cache()  # fsspec caches listings for the whole process

    def create(self) -> None:
        """Create the folder where the store has folders."""
        with self._translated("write"):
            if self._is_renaming:
                self._store.makedirs(self._path, exist_ok=True)

    def release(self) -> None:
        """Do nothing: the folder was not locked."""

    def sizes(self) -> Mapping[str, int]:
        """Return the sizes of its files in bytes, by name."""
        with self._translated("read"), contextlib.suppress(FileNotFoundError):
            inside = self._store.ls(self._path, detail=True)
            return {_base(each["name"]): each["size"] or 0 for each in inside if each["type"] == "file"}
        return {}

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if there is none."""
        with self._translated("read"), contextlib.suppress(FileNotFoundError):
            return bytes(self._store.cat_file(f"{self._path}/{name}"))
        return None

    def remove(self, name: str) -> None:
        """Remove a file."""
        with self._translated("write"):
            self._store.rm_file(f"{self._path}/{name}")

    def path(self, name: str) -> str:
        """Return the URL of a file, without secrets."""
        return f"{self.name.removesuffix('/')}/{name}" if self.name[-3:] != "://" else f"{self.name}{name}"

    def open(self, name: str, *, overwrite: bool = True) -> "RemoteOutput":
        """Begin the next content of a file."""
        if not overwrite:
            self.check_missing(name)
        return RemoteOutput(self, name, overwrite=overwrite)

    def check_missing(self, name: str) -> None:
        """Check that a file does not exist.

        Raises:
            OutputError: It does.
        """
        with self._translated("read"):
            exists = bool(self._store.exists(f"{self._path}/{name}"))
        if exists:
            raise exists_already(self.path(name))

    def upload(self, source: str, name: str) -> None:
        """Upload a file of this machine; it appears when all of it is there."""
        path = f"{self._path}/{name}"
        with self._translated("write"):
            if not self._is_renaming:
                self._store.put_file(source, path)
                return
            partial = f"{self._path}/.{name}.partial"
            try:
                self._store.put_file(source, partial)
                self._store.mv(partial, path)
            except BaseException:
                with contextlib.suppress(Exception):
                    self._store.rm_file(partial)
                raise

    @contextlib.contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        """Turn the exceptions of drivers into OutputError."""
        try:
            yield
        except Exception as error:
            raise OutputError(f"cannot {action} {self.name}: {remote.message_of(error, self._address)}") from None


class RemoteOutput:
    """The next content of a file in a store.

    Args:
        folder: The folder of the file.
        name: Its name there.
        overwrite: Whether it may exist.
    """

    def __init__(self, folder: RemoteFolder, name: str, *, overwrite: bool) -> None:
        self._folder = folder
        self._name = name
        self._overwrite = overwrite
        with naming(tempfile.gettempdir()):
            # Closed by `commit` or `discard`, and gone then; only its owner can read it.
            self._file: Any = tempfile.NamedTemporaryFile(prefix="mixpanel_async-")  # noqa: SIM115

    def write(self, block: bytes) -> None:
        """Write a block to the temporary file."""
        with naming(tempfile.gettempdir()):
            self._file.write(block)

    def commit(self) -> None:
        """Upload the file."""
        with naming(tempfile.gettempdir()):
            self._file.flush()
        if not self._overwrite:
            self._folder.check_missing(self._name)
        self._folder.upload(self._file.name, self._name)
        self.discard()

    def discard(self) -> None:
        """Remove the temporary file."""
        with contextlib.suppress(OSError):
            self._file.close()


def _base(path: str) -> str:
    return pathlib.PurePosixPath(path).name
