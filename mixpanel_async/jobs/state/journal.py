"""What a job writes while it runs: dead letters and the checkpoint, in an order that a crash cannot harm."""

import asyncio
import contextlib
import itertools
import os
import pathlib
import secrets
import stat
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from mixpanel_async.errors import InvalidSettingError, OutputError
from mixpanel_async.jobs.atomic_write import naming, replace_file
from mixpanel_async.jobs.model.chunks import Position, RejectedRecord
from mixpanel_async.jobs.state.checkpoint import Checkpoint, Counts, JobIdentity, encode_checkpoint, read_checkpoint
from mixpanel_async.jobs.state.dead_letters import letters_before, write_letter
from mixpanel_async.jobs.state.settlement import Settlement
from mixpanel_async.jobs.worker_thread import WorkerThread

if TYPE_CHECKING:  # the standard library's database is loaded for those who use it
    from mixpanel_async.jobs.dedupe.disk_store import SeenStore

_MAX_HELD_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20


class Journal:
    """The files that a job writes.

    A checkpoint is written after the dead letters and the seen events that it speaks of are on the disk, and replaces
    the one before in one step: whenever the machine stops, what is found fits together.

    Args:
        letters: Where dead letters go, or None.
        checkpoint: Where the checkpoint goes, or None.
        job: What the checkpoint belongs to.
        names: Of the sources, in their order, as dead letters name them.
        seen: The events that were seen, or None.
        kept: Makes of a record what a dead letter may hold.
    """

    def __init__(
        self,
        letters: str | None,
        checkpoint: str | None,
        job: JobIdentity,
        names: tuple[str, ...] = (),
        seen: "SeenStore | None" = None,
        *,
        kept: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._letters_path = letters
        self._path = checkpoint
        self._names: dict[str, int | None] = {name: index for index, name in enumerate(names)}
        self._paths = {source.path: index for index, source in enumerate(job.sources)}
        self._seen = seen
        self._kept = kept
        self._last = Checkpoint(job=job, seen="" if seen is None else secrets.token_hex(8))
        self._thread = WorkerThread("mixpanel_async-write")
        self._letters: BinaryIO | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._lock = asyncio.Lock()
        self._is_resumed = False
        self._failure: OutputError | None = None

    async def read(self) -> Checkpoint:
        """Return from where to go on; nothing is written.

        Raises:
            InvalidSettingError: The checkpoint belongs to another job, or its path or the dead letters' path is not a
                file.
            OutputError: It cannot be read.
        """
        text = await self._thread.submit(self._read)
        if text is not None and self._path is not None:
            self._last = read_checkpoint(self._path, text, self._last.job)
            self._is_resumed = True
        return self._last

    def _read(self) -> bytes | None:
        with naming(self._path or self._letters_path or ""):
            letters, checkpoint = _mode(self._letters_path), _mode(self._path)
            if letters and not (stat.S_ISREG(letters) or stat.S_ISCHR(letters)):
                raise InvalidSettingError(
                    f"{self._letters_path} is neither a plain file nor a device; name another file"
                )
            if self._path is None or not checkpoint:
                return None
            if not stat.S_ISREG(checkpoint):  # a pipe or a device may have no end
                raise InvalidSettingError(f"{self._path} is no plain file; name another checkpoint")
            return pathlib.Path(self._path).read_bytes()

    async def open(self) -> None:
        """Open the file of dead letters and the seen events, and write the first checkpoint.

        Raises:
            InvalidSettingError: The seen events that the checkpoint speaks of are not there.
            OutputError: A file cannot be written.
        """
        if self._seen is not None:
            await self._seen.open(self._last.seen, is_resumed=self._is_resumed, is_done=self._last.is_done)
        self._last = await self._thread.submit(self._open)

    def _open(self) -> Checkpoint:
        last = self._last
        if self._letters_path is not None:
            with naming(self._letters_path):
                size = self._open_letters(pathlib.Path(self._letters_path))
            if not self._is_resumed:
                last = msgspec.structs.replace(last, letters_from=size)
        if self._path is not None and not self._is_resumed:
            replace_file(pathlib.Path(self._path), (encode_checkpoint(last),))
        return last

    def _open_letters(self, path: pathlib.Path) -> int:
        """Open the file of dead letters, without those that this run will write again; return its size."""
        if self._is_resumed and path.is_file():
            with path.open("rb") as file:
                replace_file(
                    path, itertools.chain(self._letters_of_others(file), letters_before(file, self._is_settled))
                )
        is_torn = _is_torn(path)
        self._letters = path.open("ab")
        if is_torn:
            self._letters.write(b"\n")
            self._letters.flush()
        return self._letters.tell() if _is_plain(self._letters) else 0

    def _letters_of_others(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield what stood in the file before the import began."""
        left = self._last.letters_from
        while left and (block := file.read(min(left, _BLOCK_BYTES))):
            left -= len(block)
            yield block

    def _is_settled(self, name: str, number: int) -> bool:
        """Return whether a letter is of no record that this run reads; where nobody can tell, it is kept."""
        if name not in self._names:  # an earlier run may have spelled the path in another way
            self._names[name] = self._paths.get(os.path.abspath(name))  # noqa: PTH100
        place, index = self._last.place, self._names[name]
        return index is None or (index, number) <= (place.file, place.number)

    def note(self, source: str, misfit: RejectedRecord) -> None:
        """Take a record that was not delivered; it is written soon."""
        if self._letters_path is not None:
            line = write_letter(source, msgspec.structs.replace(misfit, record=self._kept(misfit.record)))
            self._held.append(line)
            self._held_bytes += len(line)

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return self._held_bytes > _MAX_HELD_BYTES

    async def save(self, books: Settlement, *, is_done: bool = False) -> None:
        """Write what there is: dead letters, seen events, then the checkpoint.

        Args:
            books: How far the job is; whatever they know of was sifted before.
            is_done: Whether it has ended, and there is nothing to go on with.

        Raises:
            OutputError: A file cannot be written.
        """
        async with self._lock:
            held, self._held, self._held_bytes = self._held, [], 0
            last = msgspec.structs.replace(
                self._last, place=books.place or Position(), counts=Counts.of(books.settled), is_done=True
            )
            # A job that was done stays so while nothing changes: it is on its way to its end once more.
            if not is_done and last != self._last:
                last = msgspec.structs.replace(last, is_done=False)
            if self._path is None or last == self._last:
                if self._letters is not None:
                    await self._thread.submit(lambda: self._append(held, is_synced=False))
                return
            await self._thread.submit(lambda: self._append(held, is_synced=True))
            if self._seen is not None:
                await self._seen.commit()
            await self._thread.submit(lambda: self._write(last))
            self._last = last

    def _write(self, last: Checkpoint) -> None:
        with self._latched(str(self._path)):
            replace_file(pathlib.Path(str(self._path)), (encode_checkpoint(last),))

    def _append(self, held: list[bytes], *, is_synced: bool) -> None:
        if self._letters is None:
            return
        with self._latched(str(self._letters_path)):
            self._letters.writelines(held)
            self._letters.flush()
            if is_synced and _is_plain(self._letters):
                os.fsync(self._letters.fileno())

    @contextlib.contextmanager
    def _latched(self, path: str) -> Iterator[None]:
        """Write; when that has failed once it fails for good: no checkpoint may speak of letters that are lost."""
        if self._failure is not None:
            raise self._failure
        try:
            with naming(path):
                yield
        except OutputError as error:
            self._failure = error
            raise

    async def aclose(self) -> None:
        """Close the files.

        Raises:
            OutputError: One cannot be written to its end, and no `save` has told so.
        """
        try:
            await self._thread.submit(self._close)
        finally:
            self._thread.close()
            if self._seen is not None:
                await self._seen.aclose(is_removed=self._last.is_done)

    def _close(self) -> None:
        is_told = self._failure is not None
        try:
            with naming(str(self._letters_path)):
                if self._letters is not None:
                    self._letters.close()
        except OutputError:
            if not is_told:
                raise


def _mode(path: str | None) -> int:
    """Return what stands at a path: the mode of a file or of something else, 0 for nothing."""
    try:
        return 0 if path is None else os.stat(path).st_mode  # noqa: PTH116
    except FileNotFoundError:
        return 0


def _is_plain(file: BinaryIO) -> bool:
    """Return whether a file is none of the devices, which have neither a size nor a disk to be synced to."""
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _is_torn(path: pathlib.Path) -> bool:
    """Return whether a file ends in the middle of a line, as a full disk leaves it."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
