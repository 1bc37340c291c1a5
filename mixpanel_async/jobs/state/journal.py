"""The files that a job writes: dead letters, then the dedupe store, then the checkpoint.

A checkpoint is written after everything that it refers to is on the disk, and replaces the previous checkpoint in one
step. Whenever the machine stops, the files that are found fit together.
"""

import asyncio
import contextlib
import functools
import itertools
import os
import pathlib
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from mixpanel_async.errors import InvalidArgumentError, OutputError
from mixpanel_async.jobs.atomic_write import naming, replace_file
from mixpanel_async.jobs.model.chunks import Position, RejectedRecord
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.state.checkpoint import Checkpoint, Counts, JobIdentity, encode_checkpoint, read_checkpoint
from mixpanel_async.jobs.state.dead_letters import encode_dead_letter, settled_dead_letters
from mixpanel_async.jobs.state.lock_file import LockFile
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.records.tokens import named_tokens
from mixpanel_async.redaction import redact

if TYPE_CHECKING:  # imports sqlite3, which only exact dedupe needs
    from mixpanel_async.jobs.dedupe.disk_store import DedupeStore

# Dead letters are held until the next save; a source of nothing else must not fill the memory.
_MAX_HELD_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20


class Journal:
    """Writes the dead letters and the checkpoint of a job.

    Args:
        dead_letters: Path of the dead letter file, or None.
        checkpoint: Path of the checkpoint, or None.
        job: What the checkpoint belongs to.
        names: Names of the sources in order, as dead letters name them.
        store: The store of exact dedupe, or None.
        redact: Returns what a dead letter may hold of a record.
    """

    def __init__(
        self,
        dead_letters: str | None,
        checkpoint: str | None,
        job: JobIdentity,
        names: tuple[str, ...] = (),
        store: "DedupeStore | None" = None,
        *,
        redact: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._dead_letters = dead_letters
        self._checkpoint = checkpoint
        self._source_names = names
        self._store = store
        self._redact = redact
        self._last = Checkpoint(job=job, dedupe_store="" if store is None else secrets.token_hex(8))
        self._lock_file = None if checkpoint is None else LockFile(checkpoint)
        self._thread = WorkerThread("mixpanel_async-write")
        self._file: BinaryIO | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0
        # The feeder saves when much is held, the ticker saves regularly. Two saves at once could write an older
        # checkpoint after a newer one, or a checkpoint before its dead letters.
        self._lock = asyncio.Lock()
        self._is_resumed = False
        self._failure: OutputError | None = None

    async def read(self) -> Checkpoint:
        """Return the checkpoint to resume from, or a new one; write nothing.

        Raises:
            InvalidArgumentError: The checkpoint belongs to another job, is in use, or a path is not a file.
            OutputError: The checkpoint cannot be read.
        """
        text = await self._thread.submit(self._read)
        if text is not None and self._checkpoint is not None:
            self._last = read_checkpoint(self._checkpoint, text, self._last.job)
            self._is_resumed = True
        return self._last

    def _read(self) -> bytes | None:
        if self._lock_file is not None:
            self._lock_file.acquire()
        if self._dead_letters is not None:
            mode = _mode(self._dead_letters)
            if mode and not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
                raise InvalidArgumentError(f"{self._dead_letters} is not a regular file or a device; name another file")
        mode = 0 if self._checkpoint is None else _mode(self._checkpoint)
        if self._checkpoint is None or not mode:
            return None
        if not stat.S_ISREG(mode):  # reading a pipe or device may never end
            raise InvalidArgumentError(f"{self._checkpoint} is not a regular file; name another checkpoint")
        with naming(self._checkpoint, "read"):
            return pathlib.Path(self._checkpoint).read_bytes()

    async def open(self) -> None:
        """Open the dead letter file and the dedupe store, and write the first checkpoint.

        Raises:
            InvalidArgumentError: The dedupe store that belongs to the checkpoint is missing.
            OutputError: A file cannot be written.
        """
        if self._store is not None:
            await self._store.open(self._last.dedupe_store, is_resumed=self._is_resumed, is_done=self._last.is_done)
        self._last = await self._thread.submit(self._open)

    def _open(self) -> Checkpoint:
        last = self._last
        if self._dead_letters is not None:
            with naming(self._dead_letters):
                size = self._open_dead_letters(pathlib.Path(self._dead_letters))
            if not self._is_resumed:
                last = msgspec.structs.replace(last, dead_letters_start=size)
        if self._checkpoint is not None and not self._is_resumed:
            replace_file(pathlib.Path(self._checkpoint), (encode_checkpoint(last),))
        return last

    def _open_dead_letters(self, path: pathlib.Path) -> int:
        """Open the file without the dead letters that this run writes again; return its size."""
        if self._is_resumed and path.is_file():
            with path.open("rb") as file:
                kept = settled_dead_letters(file, self._is_settled)
                replace_file(path, itertools.chain(self._earlier_dead_letters(file), kept))
        ends_in_mid_line = _ends_in_mid_line(path)
        # The file contains records: only its owner may read it. An existing file keeps its mode.
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
        if ends_in_mid_line:
            self._file.write(b"\n")
            self._file.flush()
        return self._file.tell() if _is_regular(self._file) else 0

    def _earlier_dead_letters(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the content that the file had before the import began."""
        left = self._last.dead_letters_start
        while left and (block := file.read(min(left, _BLOCK_BYTES))):
            left -= len(block)
            yield block

    def _is_settled(self, name: str, number: int) -> bool:
        """Return whether a record will not be read again; if its source is unknown, assume so and keep it."""
        index = self._names.get(name)
        if index is None:  # an earlier run may have spelled the path differently
            index = self._paths.get(os.path.realpath(name))
        position = self._last.position
        return index is None or (index, number) <= (position.file, position.number)

    @functools.cached_property
    def _names(self) -> Mapping[str, int]:
        return {name: index for index, name in enumerate(self._source_names)}

    @functools.cached_property
    def _paths(self) -> Mapping[str, int]:
        return {os.path.realpath(name): index for name, index in self._names.items()}

    def note_reject(self, source: str, reject: RejectedRecord) -> None:
        """Hold a rejected record until the next save."""
        if self._dead_letters is not None:
            record, verdict = self._redact(reject.record), reject.verdict
            if record != reject.record:  # the caller's function or the server may have put the token into words
                message = redact(verdict.message, named_tokens(reject.record))
                verdict = msgspec.structs.replace(verdict, message=message)
            line = encode_dead_letter(source, msgspec.structs.replace(reject, record=record, verdict=verdict))
            self._held.append(line)
            self._held_bytes += len(line)

    @property
    def is_full(self) -> bool:
        """Whether enough dead letters are held that they should be saved now."""
        return self._held_bytes > _MAX_HELD_BYTES

    async def save(self, position: Position, settled: Tally, *, is_done: bool = False) -> None:
        """Write the held dead letters, the dedupe store and the checkpoint, in that order.

        Args:
            position: All records before this position have settled.
            settled: Outcomes of those records.
            is_done: Whether the job has ended and nothing is left to resume.

        Raises:
            OutputError: A file cannot be written.
        """
        async with self._lock:
            held, self._held, self._held_bytes = self._held, [], 0
            last = msgspec.structs.replace(self._last, position=position, counts=Counts.of(settled), is_done=True)
            # A finished job that runs again stays finished while nothing changes; otherwise each of its saves would
            # rewrite the checkpoint, and a crash in between would leave it unfinished.
            if not is_done and last != self._last:
                last = msgspec.structs.replace(last, is_done=False)
            if self._checkpoint is None or last == self._last:
                if self._file is not None:
                    await self._thread.submit(lambda: self._append(held, is_synced=False))
                return
            await self._thread.submit(lambda: self._append(held, is_synced=True))
            if self._store is not None:
                await self._store.commit()
            await self._thread.submit(lambda: self._write_checkpoint(last))
            self._last = last

    def _write_checkpoint(self, last: Checkpoint) -> None:
        path = str(self._checkpoint)
        with self._failing_for_good(path):
            replace_file(pathlib.Path(path), (encode_checkpoint(last),))

    def _append(self, held: list[bytes], *, is_synced: bool) -> None:
        if self._file is None:
            return
        with self._failing_for_good(str(self._dead_letters)):
            self._file.writelines(held)
            self._file.flush()
            if is_synced and _is_regular(self._file):
                os.fsync(self._file.fileno())

    @contextlib.contextmanager
    def _failing_for_good(self, path: str) -> Iterator[None]:
        """After one failed write, fail every later one.

        Dead letters of the failed write are lost. If a later checkpoint succeeded, no run would read their records
        again.
        """
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
            OutputError: A file cannot be written to its end, and no `save` reported it.
        """
        try:
            await self._thread.submit(self._close)
        finally:
            self._thread.close()
            if self._store is not None:
                await self._store.aclose(is_removed=self._last.is_done)

    def _close(self) -> None:
        if self._lock_file is not None:
            self._lock_file.release()
        is_reported = self._failure is not None
        try:
            with naming(str(self._dead_letters)):
                if self._file is not None:
                    self._file.close()
        except OutputError:
            if not is_reported:
                raise


def _mode(path: str) -> int:
    """Return the mode of what is at a path, or 0 if there is nothing."""
    with naming(path, "read"), contextlib.suppress(FileNotFoundError):
        return os.stat(path).st_mode  # noqa: PTH116
    return 0


def _is_regular(file: BinaryIO) -> bool:
    """Return whether a file is regular; a device has neither a size nor a disk to sync to."""
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _ends_in_mid_line(path: pathlib.Path) -> bool:
    """Return whether a file ends in the middle of a line, as after a full disk."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
