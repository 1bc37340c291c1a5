"""Members of zip and tar archives as files. Blocks."""

import contextlib
import io
import os
import pathlib
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Final, Protocol, TypeVar, cast

import msgspec

from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.model.source_identity import SourceIdentity, source_identity
from mixpanel_async.jobs.sources.detection import format_by_name
from mixpanel_async.jobs.sources.locations import Location
from mixpanel_async.redaction import shown

_ZIP: Final = (".zip",)
_TAR: Final = (".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_BROKEN: Final = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)
_BUFFER_BYTES: Final = 1 << 18
_ENCRYPTED: Final = 1  # of the flags of a zip member
_MAX_SHOWN: Final = 3


T = TypeVar("T")


def is_archive(path: str) -> bool:
    """Return whether a path has the name of an archive whose members can be read."""
    return path.lower().endswith((*_ZIP, *_TAR))


def members_of(path: str) -> Sequence[Location]:
    """Return the members of an archive that have a known format, in the order in which reading them is fastest.

    Raises:
        SourceError: The archive cannot be read, or has no such member.
    """
    archive: _Archive = _Zip(path) if path.lower().endswith(_ZIP) else _Tar(path)
    try:
        members = archive.members()
    except BaseException:
        archive.close()
        raise
    unread = [shown(member.name) for member in members if not (_is_readable(member.name) or _is_hidden(member.name))]
    found = [ArchiveMember(archive, member) for member in members if _is_readable(member.name)]
    if not found:
        archive.close()
        others = ", ".join(shown(member.name) for member in members[:_MAX_SHOWN])
        raise SourceError(
            f"{shown(path)}: is a {archive.kind} with no readable member"
            + (f" (it has {others}); unpack it and set format" if members else ": it is empty")
        )
    if unread:
        more = f" and {len(unread) - _MAX_SHOWN:,} more" if len(unread) > _MAX_SHOWN else ""
        found[0].notice = f"not read, as their names have no known format: {', '.join(unread[:_MAX_SHOWN])}{more}"
    return found


def _is_readable(name: str) -> bool:
    return not _is_hidden(name) and format_by_name(name) is not None


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in pathlib.PurePosixPath(name).parts)


@contextlib.contextmanager
def _reading(path: str) -> Iterator[None]:
    """Convert exceptions of the libraries to SourceError."""
    try:
        yield
    except FileNotFoundError:
        raise SourceError(f"{shown(path)}: there is no such file") from None
    except _BROKEN as error:
        raise SourceError(f"{shown(path)}: cannot be read as an archive: {error}") from None


class _Entry(msgspec.Struct, frozen=True, order=True):
    """A file in an archive.

    Attributes:
        name: Its name; other files may have the same.
        index: Its place among all members of the archive.
        size: Its size in bytes.
        mark: Differs where its content differs.
    """

    name: str
    index: int
    size: int
    mark: str


class _Archive(Protocol):
    kind: str
    path: str

    def members(self) -> list[_Entry]:
        """Return the members that are files."""

    def open(self, index: int) -> IO[bytes]:
        """Open a member."""

    def close(self) -> None:
        """Close the archive."""


class _Zip:
    kind = "zip"

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: zipfile.ZipFile | None = None

    def _opened(self) -> zipfile.ZipFile:
        if self._file is None:
            self._file = zipfile.ZipFile(self.path)
        return self._file

    def members(self) -> list[_Entry]:
        """Return the files; their checksums are in the directory of the archive."""
        with _reading(self.path):
            infos = list(enumerate(self._opened().infolist()))
        if any(info.flag_bits & _ENCRYPTED for _, info in infos):
            raise SourceError(f"{shown(self.path)}: is an encrypted zip; decrypt it first")
        files = ((index, info) for index, info in infos if not info.is_dir())
        return sorted(_Entry(info.filename, index, info.file_size, f"{info.CRC:08x}") for index, info in files)

    def open(self, index: int) -> IO[bytes]:
        """Open a member."""
        archive = self._opened()
        return archive.open(archive.infolist()[index])

    def close(self) -> None:
        """Close the archive."""
        if self._file is not None:
            self._file.close()


class _Tar:
    kind = "tar"

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: tarfile.TarFile | None = None

    def _opened(self) -> tarfile.TarFile:
        if self._file is None:
            self._file = tarfile.open(self.path, "r:*")  # noqa: SIM115 - kept open, as its members are read in turn
        return self._file

    def members(self) -> list[_Entry]:
        """Return the files, in the order of the archive: going back means reading it again from its beginning."""
        with _reading(self.path):
            infos = list(enumerate(self._opened().getmembers()))
            mark = os.stat(self.path).st_mtime_ns  # noqa: PTH116
        return [
            _Entry(info.name, index, info.size, f"{info.mtime}-{info.offset}-{mark}")
            for index, info in infos
            if info.isfile()
        ]

    def open(self, index: int) -> IO[bytes]:
        """Open a member."""
        archive = self._opened()
        return cast("IO[bytes]", archive.extractfile(archive.getmembers()[index]))

    def close(self) -> None:
        """Close the archive."""
        if self._file is not None:
            self._file.close()


class ArchiveMember:
    """A file in an archive.

    Args:
        archive: The archive.
        entry: The file in it.

    Attributes:
        archive: The archive.
        notice: What is unusual about the archive, for its first member, or "".
    """

    is_ours = True
    notice = ""

    def __init__(self, archive: _Archive, entry: _Entry) -> None:
        self.archive = archive
        self._entry = entry
        self.name = f"{shown(archive.path)}/{shown(entry.name)}"
        self.file_name = entry.name

    def stored_bytes(self) -> int | None:
        """Return the size."""
        return self._entry.size

    def open(self) -> io.BufferedReader:
        """Open the file."""
        with _reading(self.name):
            opened = self.archive.open(self._entry.index)
        return io.BufferedReader(_Member(opened), _BUFFER_BYTES)

    def open_again(self) -> io.BufferedReader:
        """Open the file a second time, for random access."""
        return self.open()

    def is_same(self, other: os.stat_result) -> bool:
        """Return whether another file is the archive."""
        return os.path.samestat(os.stat(self.archive.path), other)  # noqa: PTH116

    def identify(self) -> SourceIdentity:
        """Return the identity of the file."""
        path = f"{shown(os.path.realpath(self.archive.path))}/{shown(self._entry.name)}"
        return source_identity(path, self._entry.size, self._entry.mark.encode())


def close_archives(members: Sequence[ArchiveMember]) -> None:
    """Close the archives of some members."""
    for member in members:
        member.archive.close()


class _Member(io.RawIOBase):
    """A member of an archive; any error of the archive is an OSError."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._guarded(lambda: self._file.seek(offset, whence))

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        found = self._guarded(lambda: self._file.read(len(buffer)))
        buffer[: len(found)] = found
        return len(found)

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except _BROKEN as error:
            raise OSError(f"the archive is damaged: {error}") from None

    def close(self) -> None:
        self._file.close()
        super().close()
