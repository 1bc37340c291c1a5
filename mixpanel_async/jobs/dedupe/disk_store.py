"""All events that a job saw, on disk: a repeat is recognised at whatever distance, and memory stays small."""

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
from mixpanel_async.errors import InvalidSettingError, OutputError
from mixpanel_async.jobs.model.chunks import EncodedChunk
from mixpanel_async.jobs.model.event_key import IDENTITY_EVENTS, EventFields
from mixpanel_async.jobs.worker_thread import WorkerThread

T = TypeVar("T")
SUFFIX: Final = ".seen"
_TIME_BYTES: Final = 5
_MAX_TIME: Final = 256**_TIME_BYTES - 1
_HASH_BYTES: Final = 16  # 128 bits do not meet by chance
_GROUP: Final = 256
_HEADER_BYTES: Final = 100
_APPLICATION_ID: Final = 0x6D787365  # "mxse", at byte 68 of the file
_APPLICATION_ID_AT: Final = slice(68, 72)
_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
_CACHE: Final = "PRAGMA cache_size = -16384"  # KiB

_decode: Final[Callable[[bytes], EventFields]] = msgspec.json.Decoder(EventFields).decode


def event_hash(part: bytes) -> bytes | None:
    """Return what an event is recognised by: equal keys are equal events, and later events have higher keys.

    Args:
        part: The event as it is sent.

    Returns:
        Its time in seconds, 5 bytes, and 128 bits of a hash of its event, time, distinct_id and $insert_id. None for
        the events that link ids, which are never repeats.
    """
    try:
        fields = _decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # It was found right by another reader, or Mixpanel will refuse it.
        found = _decode_plainly(part)
        if found is None:
            return None
        fields = found
    if fields.event in IDENTITY_EVENTS:
        return None
    own = fields.properties
    time = own.time
    if type(time) is float and time.is_integer():
        time = int(time)  # 1.7e9 and 1700000000 are one moment
    # Of the texts, only $insert_id can hold no NUL; the event's length says where its name ends.
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
    """Says which events of a job are repeats: those whose like stands at another, earlier place of the source.

    An event that is read again, because the job goes on from a checkpoint before it, finds its own place and is no
    repeat. So nothing has to be taken back when a job ends early.

    Args:
        checkpoint: The job's checkpoint, beside which the store lies; None: in a temporary file, for this run alone.
    """

    def __init__(self, checkpoint: str | None) -> None:
        self._checkpoint = checkpoint
        self._path = pathlib.Path("a temporary file" if checkpoint is None else f"{checkpoint}{SUFFIX}")
        self._thread = WorkerThread("mixpanel_async-seen")
        self._database: sqlite3.Connection | None = None
        self._problem = ""

    async def open(self, owner: str, *, is_resumed: bool, is_done: bool) -> None:
        """Open the store of a job, or make an empty one.

        Args:
            owner: The job's own word, by which its store is known.
            is_resumed: Whether there must be one.
            is_done: Whether the job has nothing left to read, so that there need be none.

        Raises:
            InvalidSettingError: It is not there, or another job's.
            OutputError: It cannot be written.
        """
        await self._run(lambda: self._open(owner, is_resumed=is_resumed, is_done=is_done))

    async def remove_duplicates(self, chunk: EncodedChunk) -> None:
        """Take the repeats out of a piece, and count them as duplicates.

        Raises:
            OutputError: The store cannot be written; the piece is as it was.
        """
        parts, numbers = chunk.parts, chunk.numbers
        if not parts:
            return
        file = 0 if chunk.end is None else chunk.end.file
        repeats = frozenset(await self._run(lambda: self._add(parts, numbers, file)))
        if repeats:
            kept = [index for index in range(len(parts)) if index not in repeats]
            chunk.parts = [parts[index] for index in kept]
            chunk.numbers = [numbers[index] for index in kept]
            chunk.tally.duplicates += len(repeats)

    async def commit(self) -> None:
        """Return when everything that was seen is on the disk.

        Raises:
            OutputError: It cannot be written.
        """
        await self._run(self._commit)

    async def aclose(self, *, is_removed: bool) -> None:
        """Close the store.

        Args:
            is_removed: Whether it is of no more use.
        """
        await self._thread.submit(partial(self._close, is_removed=is_removed))
        self._thread.close()

    async def _run(self, call: Callable[[], T]) -> T:
        return await self._thread.submit(partial(self._translated, call))

    def _translated(self, call: Callable[[], T]) -> T:
        """Run a call; when one has failed, no later one succeeds: what it wrote may have been taken back."""
        if self._problem:
            raise OutputError(self._problem)
        try:
            return call()
        except (sqlite3.Error, OSError) as error:
            reason = str(error)
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                reason = "another import uses it"
            self._problem = f"cannot write {self._path}: {reason}"
        raise OutputError(self._problem)

    def _open(self, owner: str, *, is_resumed: bool, is_done: bool) -> None:
        if self._checkpoint is None:
            with tempfile.NamedTemporaryFile(prefix="mixpanel_async-", suffix=SUFFIX, delete=False) as file:
                self._path = pathlib.Path(file.name)
            self._database = self._connected()
            # Nobody reads it after a crash.
            self._database.execute("PRAGMA journal_mode = OFF")
            self._database.execute("PRAGMA synchronous = OFF")
            self._create(owner)
            return
        if is_resumed and (self._path.exists() or not is_done):
            self._check(owner)
        else:
            self._make_room()
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
            raise InvalidSettingError(
                f"{self._path} is missing, without which repeats of what {self._checkpoint} speaks of would not be "
                f"found; put it back, or remove {self._checkpoint} to start again"
            )
        if self._is_ours():
            self._database = self._connected()
            if self._database.execute("SELECT id FROM owner").fetchone() == (owner,):
                return
        raise InvalidSettingError(
            f"{self._path} does not belong to {self._checkpoint}; put back the one that does, or remove "
            f"{self._checkpoint} to start again"
        )

    def _make_room(self) -> None:
        if self._path.exists() and self._path.stat().st_size and not self._is_ours():
            raise InvalidSettingError(
                f"{self._path} is in the way and no import's; move it, or name another checkpoint"
            )
        self._remove()

    def _is_ours(self) -> bool:
        with self._path.open("rb") as file:
            return file.read(_HEADER_BYTES)[_APPLICATION_ID_AT] == _APPLICATION_ID.to_bytes(4, "big")

    def _add(self, parts: Sequence[bytes], numbers: Sequence[int], file: int) -> list[int]:
        """Add events; return the indexes of those that are repeats."""
        first: dict[bytes, int] = {}
        repeats: list[int] = []
        for index, key in enumerate(map(event_hash, parts)):
            if key is not None and first.setdefault(key, index) != index:
                repeats.append(index)
        rows = sorted((key, file, numbers[index]) for key, index in first.items())
        database = self._open_database()
        if not database.in_transaction:
            database.execute("BEGIN")
        for start in range(0, len(rows), _GROUP):
            repeats += [first[key] for key in self._insert(database, rows[start : start + _GROUP])]
        return repeats

    def _insert(self, database: sqlite3.Connection, rows: Sequence[tuple[bytes, int, int]]) -> list[bytes]:
        """Insert rows whose keys are new; return the keys of those that are known from another place."""
        before = database.total_changes
        database.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", rows)
        if database.total_changes - before == len(rows):
            return []
        find = "SELECT file, number FROM seen WHERE key = ?"
        return [key for key, *place in rows if database.execute(find, (key,)).fetchone() != tuple(place)]

    def _commit(self) -> None:
        database = self._open_database()
        if database.in_transaction:
            database.execute("COMMIT")

    def _open_database(self) -> sqlite3.Connection:
        if self._database is None:
            raise sqlite3.ProgrammingError("it is not open")
        return self._database

    def _close(self, *, is_removed: bool) -> None:
        database, self._database = self._database, None
        if database is None:
            return
        with contextlib.suppress(sqlite3.Error, OSError):  # what counts was committed before
            database.close()
            if is_removed or self._checkpoint is None:
                self._remove()

    def _remove(self) -> None:
        for companion in _COMPANIONS:
            pathlib.Path(f"{self._path}{companion}").unlink(missing_ok=True)
