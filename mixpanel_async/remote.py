"""Files at addresses such as s3://bucket/key, through fsspec; needs the extra `remote`. Everything here blocks."""

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

_BLOCK_BYTES: Final = 5 * 1024 * 1024  # of one request; some drivers would take ten times as much
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
    """One file at an address.

    Args:
        filesystem: Of fsspec.
        path: As the file system calls the file.
        address: As the caller gave it, secrets and all.
        name: For people.

    Attributes:
        name: For people, without secrets.
    """

    def __init__(self, filesystem: Any, path: str, address: str, name: str) -> None:  # noqa: ANN401 - it has no types
        self._filesystem = filesystem
        self._path = path
        self._address = address
        self._found: Mapping[str, object] | None = None
        self.name = name

    def __repr__(self) -> str:
        return f"<RemoteFile {self.name}>"

    def stored_bytes(self) -> int | None:
        """Return its size, or None where the server does not tell.

        Raises:
            SourceError: There is no such file.
        """
        size = self._info().get("size")
        return size if isinstance(size, int) else None

    def tag(self) -> str:
        """Return the server's mark of this version of the file, or "" where it gives none.

        Raises:
            SourceError: There is no such file.
        """
        info = self._info()
        tag = str(info.get("ETag") or info.get("etag") or "")
        return "" if tag.startswith("W/") else tag  # a weak one may differ between servers of the same file

    def _info(self) -> Mapping[str, object]:
        if self._found is None:
            with _told(self.name, self._address):
                self._found = dict(self._filesystem.info(self._path))
        return self._found

    def open(self) -> io.BufferedReader:
        """Open it.

        Raises:
            SourceError: That failed.
        """
        size = self.stored_bytes()
        with _told(self.name, self._address):
            file = self._filesystem.open(self._path, "rb", block_size=_BLOCK_BYTES)
            if "http" in self._filesystem.protocol and size is not None and not _gives_parts(file, size):
                file.close()
                file = self._filesystem.open(self._path, "rb", block_size=0)
            return io.BufferedReader(_Stream(file, size, self._address), 1 << 20)


class _Stream(io.RawIOBase):
    """An open file of fsspec: it ends where the file ends and nowhere else, and its errors hold no secrets."""

    def __init__(self, file: Any, size: int | None, address: str) -> None:  # noqa: ANN401 - it has no types
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
            raise io.UnsupportedOperation("the server gives the file from its beginning only")
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size or 0}[whence]
        self._position = int(self._file.seek(base + offset))
        return self._position

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        try:
            found = self._file.read(len(buffer))
        except Exception as error:
            raise OSError(_words(error, self._address)) from None
        if not found and self._size is not None and self._position < self._size:
            raise OSError(f"it broke off after {self._position:,} of {self._size:,} bytes")
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def close(self) -> None:
        if not self.closed:
            super().close()
            with contextlib.suppress(Exception):  # what was read is not worse for it
                self._file.close()


def _gives_parts(file: Any, size: int) -> bool:  # noqa: ANN401 - it has no types
    """Try it: some web servers give the whole file whatever they are asked for."""
    try:
        file.seek(max(0, size - 1))
        file.read(1)
        file.seek(0)
    except ValueError:
        return False
    return True


def _can_seek(file: Any) -> bool:  # noqa: ANN401 - it has no types
    """Try it: streams of web servers say that they can, and cannot."""
    try:
        file.seek(1)
        file.seek(0)
    except (OSError, ValueError):
        return False
    return True


def find(address: str, belongs: Callable[[str], bool]) -> list[RemoteFile]:
    """Return the files that an address means, in order; none where it means a directory and none in it belongs.

    Args:
        address: Of a file, a directory, or a pattern with *, ? or [.
        belongs: Whether a file of a directory is meant, by its name.

    Raises:
        SourceError: There is no driver for it, or it cannot be reached, or a pattern fits nothing.
    """
    name = shown(address)
    filesystem, path = _filesystem(address, name)
    with _told(name, address):
        filesystem.invalidate_cache()  # a list that another job made may be old
        found = _listed(filesystem, path, belongs, is_http=urlsplit(address).scheme.lower() in HTTP)
        if found is None:
            return [RemoteFile(filesystem, path, address, name)]
        if not found and _MAGIC.search(path):
            raise SourceError(f"{name}: no file fits this pattern")
        return [RemoteFile(filesystem, each, address, shown(filesystem.unstrip_protocol(each))) for each in found]


def _listed(
    filesystem: Any,  # noqa: ANN401 - it has no types
    path: str,
    belongs: Callable[[str], bool],
    *,
    is_http: bool,
) -> list[str] | None:
    """Return the files of a directory, or that fit a pattern; None where it is one file."""
    if _MAGIC.search(path.partition("?")[0] if is_http else path):
        return None if filesystem.isfile(path) else sorted(each for each in filesystem.glob(path) if each[-1] != "/")
    # To ask a web server whether a page is a directory would be to fetch it.
    if not path.endswith("/") if is_http else not filesystem.isdir(path):
        return None
    inside = filesystem.ls(path, detail=True)
    return sorted(each["name"] for each in inside if each["type"] == "file" and belongs(each["name"]))


def read_object(address: str) -> bytes:
    """Return the whole content of a file.

    Raises:
        SourceError: It cannot be read.
    """
    name = shown(address)
    filesystem, path = _filesystem(address, name)
    file = RemoteFile(filesystem, path, address, name)
    with _told(name, address), file.open() as opened:
        return opened.read()


def _filesystem(address: str, name: str) -> tuple[Any, str]:
    try:
        fsspec = importlib.import_module("fsspec.core")
    except ImportError:
        raise SourceError(f'{name}: reading addresses needs fsspec: pip install "mixpanel-async[remote]"') from None
    scheme = urlsplit(address.partition("::")[0]).scheme.lower()
    options: dict[str, object] = {}
    if scheme in HTTP:
        from aiohttp import ClientTimeout

        # A file is read as fast as Mixpanel takes it, which may take hours; only silence is an error.
        options["client_kwargs"] = {"timeout": ClientTimeout(total=None, sock_connect=30, sock_read=_READ_SECONDS)}
    _hide_addresses()
    try:
        filesystem, path = fsspec.url_to_fs(address, **options)
    except ImportError as error:
        driver = _DRIVERS.get(scheme)
        advice = f'pip install "mixpanel-async[remote]" {driver}' if driver else redacted(str(error), address)
        raise SourceError(f"{name}: there is no driver for {scheme}:// here: {advice}") from None
    except Exception as error:
        if isinstance(error, ValueError) and "rotocol" in str(error):
            raise SourceError(f"{name}: nobody knows the scheme {scheme}://") from None
        raise SourceError(f"{name}: cannot be opened: {_words(error, address)}") from None
    return filesystem, str(path)


@contextlib.contextmanager
def _told(name: str, address: str) -> Iterator[None]:
    """Turn whatever a driver raises into our error."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        status = getattr(error.__cause__, "status", None)
        if isinstance(error, FileNotFoundError) and (error.__cause__ is None or status in {404, 410}):
            raise SourceError(f"{name}: there is no such file") from None
        # Drivers say "not found" of whatever went wrong when they asked for the file.
        cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
        raise SourceError(f"{name}: cannot be read: {_words(cause, address)}") from None


def _words(error: BaseException, address: str) -> str:
    kind = type(error).__name__
    words = redacted(str(error), address)
    return f"{kind}: {words}" if words and kind not in words else words or kind


class _HideAddresses(logging.Filter):
    """Takes the secrets out of the addresses that drivers log."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_secrets(record.getMessage()), ()
        record.exc_info = None
        return True


_FILTER: Final = _HideAddresses()


def _hide_addresses() -> None:
    for logger in ("fsspec", "fsspec.http"):  # a filter is not passed on to the loggers below
        logging.getLogger(logger).addFilter(_FILTER)
