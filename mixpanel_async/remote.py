"""Files at URLs such as s3://bucket/key, through fsspec; needs the extra `remote`. Blocks."""

import contextlib
import importlib
import io
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from mixpanel_async.errors import SourceError
from mixpanel_async.redaction import HTTP, redacted, shown, without_secrets

_BLOCK_BYTES: Final = 5 * 1024 * 1024  # per request; the default of some drivers is ten times as much
_READ_SECONDS: Final = 60.0
_MAGIC: Final = re.compile(r"[*?\[]")
_DRIVERS: Final = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "adl": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "hf": "huggingface_hub",
    "smb": "smbprotocol",
}


class RemoteFile:
    """One file at a URL.

    Args:
        filesystem: A file system of fsspec.
        path: Path of the file in the file system.
        address: The URL as the caller gave it, with secrets.
        name: Name for messages.

    Attributes:
        name: Name for messages, without secrets.
    """

    def __init__(self, filesystem: Any, path: str, address: str, name: str) -> None:  # noqa: ANN401 - fsspec has no types
        self._filesystem = filesystem
        self._path = path
        self._address = address
        self._found: Mapping[str, object] | None = None
        self.name = name

    def __repr__(self) -> str:
        return f"<RemoteFile {self.name}>"

    def stored_bytes(self) -> int | None:
        """Return the size, or None if the server does not report it.

        Raises:
            SourceError: The file does not exist.
        """
        size = self._info().get("size")
        return size if isinstance(size, int) else None

    def tag(self) -> str:
        """Return the ETag of the file, or "" if it has none.

        Raises:
            SourceError: The file does not exist.
        """
        info = self._info()
        tag = str(info.get("ETag") or info.get("etag") or "")
        return "" if tag.startswith("W/") else tag  # servers may give the same file different weak ETags

    def _info(self) -> Mapping[str, object]:
        if self._found is None:
            with _translated(self.name, self._address):
                self._found = dict(self._filesystem.info(self._path))
        return self._found

    def open(self) -> io.BufferedReader:
        """Open the file.

        Raises:
            SourceError: The file cannot be opened.
        """
        size = self.stored_bytes()
        with _translated(self.name, self._address):
            file = self._filesystem.open(self._path, "rb", block_size=_BLOCK_BYTES)
            if "http" in self._filesystem.protocol and size is not None and not _gives_parts(file, size):
                file.close()
                file = self._filesystem.open(self._path, "rb", block_size=0)
            return io.BufferedReader(_Stream(file, size, self._address), 1 << 20)


class _Stream(io.RawIOBase):
    """An open file of fsspec that detects a truncated download and keeps secrets out of errors."""

    def __init__(self, file: Any, size: int | None, address: str) -> None:  # noqa: ANN401 - fsspec has no types
        super().__init__()
        self._file = file
        self._size = size
        self._can_seek = size is not None and _can_seek(file)
        self._address = address
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._can_seek

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if not self.seekable():
            raise io.UnsupportedOperation("the server does not support range requests")
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size or 0}[whence]
        self._position = int(self._file.seek(base + offset))
        return self._position

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        try:
            found = self._file.read(len(buffer))
        except Exception as error:
            raise OSError(message_of(error, self._address)) from None
        if not found and self._size is not None and self._position < self._size:
            raise OSError(f"the download ended after {self._position:,} of {self._size:,} bytes")
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def close(self) -> None:
        if not self.closed:
            super().close()
            with contextlib.suppress(Exception):  # the bytes that were read are valid all the same
                self._file.close()


def _gives_parts(file: Any, size: int) -> bool:  # noqa: ANN401 - fsspec has no types
    """Return whether the server answers a range request; some send the whole file instead."""
    try:
        file.seek(max(0, size - 1))
        file.read(1)
        file.seek(0)
    except ValueError:
        return False
    return True


def _can_seek(file: Any) -> bool:  # noqa: ANN401 - fsspec has no types
    """Return whether a file can seek; streams of web servers claim it without being able to."""
    try:
        file.seek(1)
        file.seek(0)
    except (OSError, ValueError):
        return False
    return True


def find(address: str, belongs: Callable[[str], bool]) -> list[RemoteFile]:
    """Return the files for a URL, sorted; none for a directory without a file that belongs.

    Args:
        address: URL of a file or directory, or a pattern with *, ? or [.
        belongs: Returns whether a file of a directory is wanted, by its name.

    Raises:
        SourceError: The driver is missing, the server cannot be reached, or no file matches the pattern.
    """
    name = shown(address)
    filesystem, path = filesystem_of(address, name)
    with _translated(name, address):
        filesystem.invalidate_cache()  # fsspec caches listings for the whole process
        found = _listed(filesystem, path, belongs, is_http=urlsplit(address).scheme.lower() in HTTP)
        if found is None:
            return [RemoteFile(filesystem, path, address, name)]
        if not found and _MAGIC.search(path):
            raise SourceError(f"{name}: no file matches this pattern")
        return [RemoteFile(filesystem, each, address, shown(filesystem.unstrip_protocol(each))) for each in found]


def _listed(
    filesystem: Any,  # noqa: ANN401 - fsspec has no types
    path: str,
    belongs: Callable[[str], bool],
    *,
    is_http: bool,
) -> list[str] | None:
    """Return the files of a directory or pattern; None for a single file."""
    if _MAGIC.search(path.partition("?")[0] if is_http else path):
        return None if filesystem.isfile(path) else sorted(each for each in filesystem.glob(path) if each[-1] != "/")
    # Asking a web server whether a page is a directory would download the page.
    if not path.endswith("/") if is_http else not filesystem.isdir(path):
        return None
    inside = filesystem.ls(path, detail=True)
    return sorted(each["name"] for each in inside if each["type"] == "file" and belongs(each["name"]))


def read_object(address: str) -> bytes:
    """Return the whole content of a file.

    Raises:
        SourceError: The file cannot be read.
    """
    name = shown(address)
    filesystem, path = filesystem_of(address, name)
    file = RemoteFile(filesystem, path, address, name)
    with _translated(name, address), file.open() as opened:
        return opened.read()


def filesystem_of(address: str, name: str) -> tuple[Any, str]:  # the first one is a file system of fsspec
    """Return the file system of a URL, and the path in it.

    Args:
        address: The URL, with secrets.
        name: Name for messages.

    Raises:
        SourceError: The driver is missing, or refuses the URL.
    """
    try:
        fsspec = importlib.import_module("fsspec.core")
    except ImportError:
        raise SourceError(f'{name}: a URL needs fsspec: pip install "mixpanel-async[remote]"') from None
    scheme = urlsplit(address.partition("::")[0]).scheme.lower()
    options: dict[str, object] = {}
    if scheme in HTTP:
        from aiohttp import ClientTimeout

        # Reading is as slow as Mixpanel accepts records, possibly hours; only an idle connection is an error.
        options["client_kwargs"] = {"timeout": ClientTimeout(total=None, sock_connect=30, sock_read=_READ_SECONDS)}
    _hide_addresses()
    try:
        filesystem, path = fsspec.url_to_fs(address, **options)
    except ImportError as error:
        driver = _DRIVERS.get(scheme)
        advice = f'pip install "mixpanel-async[remote]" {driver}' if driver else redacted(str(error), address)
        raise SourceError(f"{name}: the driver for {scheme}:// is not installed: {advice}") from None
    except Exception as error:
        if isinstance(error, ValueError) and "rotocol" in str(error):
            raise SourceError(f'{name}: unsupported URL scheme "{scheme}"') from None
        raise SourceError(f"{name}: cannot be opened: {message_of(error, address)}") from None
    return filesystem, str(path)


@contextlib.contextmanager
def _translated(name: str, address: str) -> Iterator[None]:
    """Turn the exceptions of drivers into SourceError."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        status = getattr(error.__cause__, "status", None)
        if isinstance(error, FileNotFoundError) and (error.__cause__ is None or status in {404, 410}):
            raise SourceError(f"{name}: there is no such file") from None
        # Drivers raise FileNotFoundError for any failed request for a file; the cause says what happened.
        cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
        raise SourceError(f"{name}: cannot be read: {message_of(cause, address)}") from None


def message_of(error: BaseException, address: str) -> str:
    """Return what an exception of a driver says, without the secrets of the URL."""
    kind = type(error).__name__
    words = redacted(str(error), address)
    return f"{kind}: {words}" if words and kind not in words else words or kind


class _HideAddresses(logging.Filter):
    """Removes secrets from URLs that drivers log."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_secrets(record.getMessage()), ()
        record.exc_info = None
        return True


_FILTER: Final = _HideAddresses()


def _hide_addresses() -> None:
    for logger in ("fsspec", "fsspec.http"):  # child loggers do not inherit filters
        logging.getLogger(logger).addFilter(_FILTER)
