"""Exact duplicate detection: the hashes of all events of a job in SQLite, so that memory stays small."""

import contextlib
import hashlib
import pathlib
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import msgspec
import orjson

from mixpanel_async import limits
from mixpanel_async.errors import InvalidArgumentError, OutputError
from mixpanel_async.jobs.model.chunks import EncodedChunk
from mixpanel_async.jobs.model.event_key import IDENTITY_EVENTS, EventFields
from mixpanel_async.jobs.worker_thread import WorkerThread

T = TypeVar("T")
SUFFIX: Final = ".seen"
_TIME_BYTES: Final = 5
_MAX_TIME: Final = 256**_TIME_BYTES - 1
_HASH_BYTES: Final = 16  # 128 bits do not collide by chance
_GROUP: Final = 256
_HEADER_BYTES: Final = 100
_APPLICATION_ID: Final = 0x6D787365  # "mxse", at byte 68 of the file
_APPLICATION_ID_AT: Final = slice(68, 72)
_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
_CACHE: Final = "PRAGMA cache_size = -16384"  # KiB

_decode: Final[Callable[[bytes], EventFields]] = msgspec.json.Decoder(EventFields).decode


def event_hash(part: bytes) -> bytes | None:
    """Return the key of an event: equal events have equal keys, and later events have higher keys.

    Keys that start with the time make inserts nearly sequential for files in the order of time, which SQLite needs to
    be fast.

    Args:
        part: The event as it is sent.

    Returns:
        5 bytes of time in seconds and a 128-bit hash of event, time, distinct_id and $insert_id; None for the events
        that link IDs, which are never duplicates.
    """
    try:
        fields = _decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Another parser accepted the event, or Mixpanel will reject it.
        found = _decode_plainly(part)
        if found is None:
            return None
        fields = found
    if fields.event in IDENTITY_EVENTS:
        return None
    own = fields.properties
    time = own.time
    if type(time) is float and time.is_integer():
        time = int(time)  # 1.7e9 and 1700000000 are the same time
    # A name or ID may contain NUL, an $insert_id may not; the length of the name makes the text unambiguous.
    text = f"{time}\0{own.insert_id}\0{len(fields.event)}\0{fields.event}\0{own.distinct_id}"
    seconds = int(time if time < limits.MIN_EVENT_TIME_MILLISECONDS else time / 1000)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest()
    return max(0, min(seconds, _MAX_TIME)).to_bytes(_TIME_BYTES, "big") + digest


def _decode_plainly(part: bytes) -> EventFields | None:
    try:
        return msgspec.convert(orjson.loads(part), EventFields)
    except (msgspec.ValidationError, orjson.JSONDecodeError):
        return None


class DedupeStore:
    """Finds events whose equal is at another, earlier position in the source.

    An event that is read again, after resuming from an earlier checkpoint, finds its own position and is not a
    duplicate. Nothing has to be rolled back when a job ends early.

    Args:
        checkpoint: Path of the checkpoint, beside which the store is kept; None: in a temporary file for this run.
    """

    def __init__(self, checkpoint: str | None) -> None:
        self._checkpoint = checkpoint
        self._path = pathlib.Path("a temporary file" if checkpoint is None else f"{checkpoint}{SUFFIX}")
        self._thread = WorkerThread("mixpanel_async-seen")
        self._database: sqlite3.Connection | None = None
        self._problem = ""

    async def open(self, owner: str, *, is_resumed: bool, is_done: bool) -> None:
        """Open the store of a job, or create an empty one.

        Args:
            owner: Random text in the checkpoint that identifies its store.
            is_resumed: Whether the job resumes, so that the store must exist.
            is_done: Whether the job has nothing left to read, so that a missing store does no harm.

        Raises:
            InvalidArgumentError: The store is missing or belongs to another job.
            OutputError: The store cannot be written.
        """
        await self._run(lambda: self._open(owner, is_resumed=is_resumed, is_done=is_done))

    async def remove_duplicates(self, chunk: EncodedChunk) -> None:
        """Remove the duplicates from a chunk and count them.

        Raises:
            OutputError: The store cannot be written; the chunk is unchanged.
        """
        parts, numbers = chunk.parts, chunk.numbers
        if not parts:
            return
        file = 0 if chunk.end is None else chunk.end.file
        duplicates = frozenset(await self._run(lambda: self._add(parts, numbers, file)))
        if duplicates:
            kept = [index for index in range(len(parts)) if index not in duplicates]
            chunk.parts = [parts[index] for index in kept]
            chunk.numbers = [numbers[index] for index in kept]
            chunk.tally.duplicates += len(duplicates)

    async def commit(self) -> None:
        """Commit all events to the disk.

        Raises:
            OutputError: The store cannot be written.
        """
        await self._run(self._commit)

    async def aclose(self, *, is_removed: bool) -> None:
        """Close the store.

        Args:
            is_removed: Whether to delete its files.
        """
        await self._thread.submit(partial(self._close, is_removed=is_removed))
        self._thread.close()

    async def _run(self, call: Callable[[], T]) -> T:
        return await self._thread.submit(partial(self._translated, call))

    def _translated(self, call: Callable[[], T]) -> T:
        """Run a call; after one failure, fail every later call, because SQLite may have rolled the transaction back."""
        if self._problem:
            raise OutputError(self._problem)
        try:
            return call()
        except (sqlite3.Error, OSError) as error:
            reason = str(error)
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                reason = "another import is using it"
            self._problem = f"cannot write {self._path}: {reason}"
        raise OutputError(self._problem)

    def _open(self, owner: str, *, is_resumed: bool, is_done: bool) -> None:
        if self._checkpoint is None:
            with tempfile.NamedTemporaryFile(prefix="mixpanel_async-", suffix=SUFFIX, delete=False) as file:
                self._path = pathlib.Path(file.name)
            self._database = self._connected()
            # The file is useless after a crash, so it needs no durability.
            self._database.execute("PRAGMA journal_mode = OFF")
            self._database.execute("PRAGMA synchronous = OFF")
            self._create(owner)
            return
        if is_resumed and (self._path.exists() or not is_done):
            self._check(owner)
        else:
            self._remove_old()
            self._database = self._connected()
            self._create(owner)
        database = self._open_database()
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")

    def _connected(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=1.0, isolation_level=None)
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute(_CACHE)
        except BaseException:
            database.close()
            raise
        return database

    def _create(self, owner: str) -> None:
        database = self._open_database()
        database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        database.execute("BEGIN")
        database.execute("CREATE TABLE owner (id TEXT NOT NULL)")
        database.execute("INSERT INTO owner VALUES (?)", (owner,))
        columns = "key BLOB PRIMARY KEY, file INTEGER NOT NULL, number INTEGER NOT NULL"
        database.execute(f"CREATE TABLE seen ({columns}) WITHOUT ROWID")
        database.execute("COMMIT")

    def _check(self, owner: str) -> None:
        if not self._path.exists():
            raise InvalidArgumentError(
                f"{self._path} is missing: without it, duplicates of events before the checkpoint would not be found; "
                f"restore it, or remove {self._checkpoint} to start again"
            )
        if self._is_ours():
            self._database = self._connected()
            if self._database.execute("SELECT id FROM owner").fetchone() == (owner,):
                return
        raise InvalidArgumentError(
            f"{self._path} does not belong to {self._checkpoint}; restore the file that does, or remove "
            f"{self._checkpoint} to start again"
        )

    def _remove_old(self) -> None:
        if self._path.exists() and self._path.stat().st_size and not self._is_ours():
            raise InvalidArgumentError(
                f"{self._path} exists but was not created by an import; move it, or name another checkpoint"
            )
        self._remove()

    def _is_ours(self) -> bool:
        with self._path.open("rb") as file:
            return file.read(_HEADER_BYTES)[_APPLICATION_ID_AT] == _APPLICATION_ID.to_bytes(4, "big")

    def _add(self, parts: Sequence[bytes], numbers: Sequence[int], file: int) -> list[int]:
        """Add events; return the indexes of duplicates."""
        first: dict[bytes, int] = {}
        duplicates: list[int] = []
        for index, key in enumerate(map(event_hash, parts)):
            if key is not None and first.setdefault(key, index) != index:
                duplicates.append(index)
        rows = sorted((key, file, numbers[index]) for key, index in first.items())
        database = self._open_database()
        if not database.in_transaction:
            database.execute("BEGIN")
        for start in range(0, len(rows), _GROUP):
            duplicates += [first[key] for key in self._insert(database, rows[start : start + _GROUP])]
        return duplicates

    def _insert(self, database: sqlite3.Connection, rows: Sequence[tuple[bytes, int, int]]) -> list[bytes]:
        """Insert rows whose keys are new; return the keys that are already stored with another position."""
        before = database.total_changes
        database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", rows)
        if database.total_changes - before == len(rows):
            return []
        find = "SELECT file, number FROM seen WHERE key = ?"
        return [key for key, *position in rows if database.execute(find, (key,)).fetchone() != tuple(position)]

    def _commit(self) -> None:
        database = self._open_database()
        if database.in_transaction:
            database.execute("COMMIT")

    def _open_database(self) -> sqlite3.Connection:
        if self._database is None:
            raise sqlite3.ProgrammingError("the store is not open")
        return self._database

    def _close(self, *, is_removed: bool) -> None:
        database, self._database = self._database, None
        if database is None:
            return
        with contextlib.suppress(sqlite3.Error, OSError):  # everything that matters is committed
            database.close()
            if is_removed or self._checkpoint is None:
                self._remove()

    def _remove(self) -> None:
        for companion in _COMPANIONS:
            pathlib.Path(f"{self._path}{companion}").unlink(missing_ok=True)
