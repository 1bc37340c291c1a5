"""The manifest of a directory of exported days: what its files are of, and which of them stay."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.exports.ranges import is_final

MANIFEST_NAME: Final = "_manifest.json"
_VERSION: Final = 1
_DAY_FILE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\.(ndjson|jsonl|csv|parquet)(\.\w+)?")
_LEFTOVER: Final = re.compile(rf"\.({_DAY_FILE.pattern}|{re.escape(MANIFEST_NAME)})\.partial")


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What the days of a directory are exports of; a run that wants something else is refused.

    Attributes:
        project: Project ID, or a hash of the credential that names the project.
        server: Address of the server.
        event: Names of the only events; empty: all.
        where: Expression that filters the events, or "".
        limit: Maximum number of events of a day, or None.
        time_in_ms: Whether `time` is in milliseconds.
        format: Format and compression of the files.
        columns: Properties that are columns, with their types.
    """

    project: str
    server: str
    event: tuple[str, ...] = ()
    where: str = ""
    limit: int | None = None
    time_in_ms: bool = False
    format: str
    columns: tuple[str, ...] = ()


class DayEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The file of one day.

    Attributes:
        file: Its name in the directory.
        rows: Number of events.
        bytes: Size of the file.
        sha256: Hash of the file, in hexadecimal digits.
        exported_at: When the request was sent.
        is_over: Whether the day was over then.
    """

    file: str
    rows: int
    bytes: int
    sha256: str
    exported_at: dt.datetime
    is_over: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest of a directory.

    Attributes:
        version: Version of its layout.
        kind: `events`.
        contents: What the days are exports of.
        timezone: Time zone in which days end, or None.
        days: The files by day.
    """

    version: Literal[1] = _VERSION
    kind: Literal["events"] = "events"
    contents: Contents
    timezone: str | None = None
    days: Mapping[str, DayEntry] = {}

    def encode(self) -> bytes:
        """Return the manifest as JSON, its days sorted."""
        ordered = msgspec.structs.replace(self, days=dict(sorted(self.days.items())))
        return msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n"

    def without(self, day: str) -> "Manifest":
        """Return the manifest without a day."""
        return msgspec.structs.replace(self, days={name: entry for name, entry in self.days.items() if name != day})

    def with_day(self, day: str, entry: DayEntry) -> "Manifest":
        """Return the manifest with a day."""
        return msgspec.structs.replace(self, days={**self.days, day: entry})


def read_manifest(name: str, text: bytes | None, files: Iterable[str], wanted: Contents) -> Manifest:
    """Return the manifest of a directory, or a new one for a directory without exported days.

    Args:
        name: Name of the directory, for errors.
        text: Content of the manifest, or None if there is none.
        files: Names of the files in the directory.
        wanted: What this run exports.

    Raises:
        InvalidArgumentError: The directory holds something else, or what it holds is not known.
    """
    if text is None:
        found = sorted(file for file in files if _DAY_FILE.fullmatch(file))
        if found:
            raise InvalidArgumentError(
                f"{name} has {found[0]} but no {MANIFEST_NAME}, so it is not known what its days are exports of; "
                "name another directory, or move the files away"
            )
        return Manifest(contents=wanted)
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise InvalidArgumentError(
            f"{name}/{MANIFEST_NAME} cannot be read: {error}; name another directory, or restore the file"
        ) from None
    changes = [
        f"{field} was {_shown(getattr(manifest.contents, field))} and is {_shown(getattr(wanted, field))}"
        for field in Contents.__struct_fields__
        if getattr(manifest.contents, field) != getattr(wanted, field)
    ]
    if changes:
        raise InvalidArgumentError(
            f"{name} holds another export: {'; '.join(changes)}; name another directory, or export as before"
        )
    return manifest


def is_leftover(name: str) -> bool:
    """Return whether a file is what a killed run had written of a day or of the manifest."""
    return _LEFTOVER.fullmatch(name) is not None


def written_contents(text: bytes | None) -> Contents | None:
    """Return what a directory holds, or None if it holds nothing, or its manifest cannot be read.

    Args:
        text: Content of the manifest, or None if there is none.
    """
    try:
        return None if text is None else msgspec.json.decode(text, type=Manifest).contents
    except msgspec.MsgspecError:
        return None  # the export itself says so


def is_kept(  # noqa: PLR0917 - called in one place
    entry: DayEntry | None, day: dt.date, file: str, size: int | None, zone: dt.tzinfo, lookback_days: int
) -> bool:
    """Return whether the file of a day stays as it is.

    Args:
        entry: Its entry in the manifest, or None.
        day: The day.
        file: Name of the file.
        size: Size of the file, or None if there is none.
        zone: Zone in which the day ends.
        lookback_days: Days after its end in which late events may arrive.
    """
    return (
        entry is not None
        and entry.file == file
        and entry.bytes == size
        and is_final(day, entry.exported_at, zone, lookback_days)
    )


def _shown(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
    return text or "not set"
