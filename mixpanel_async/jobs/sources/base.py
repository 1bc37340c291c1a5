"""Source and Reader protocols."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from mixpanel_async.jobs.model.chunks import Chunk, Position
from mixpanel_async.jobs.model.source_group import Identities

CheckColumns = Callable[[Sequence[str]], None]


class Reader(Protocol):
    """Reads one file of one format."""

    async def open(self, start: Position) -> None:
        """Move to the position where reading begins.

        Raises:
            SourceError: The file is damaged.
            InvalidSettingError: The table lacks a required column.
        """

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records.

        Raises:
            SourceError: The file is damaged; the records before are valid.
        """


class Source(Protocol):
    """A source of records.

    Attributes:
        name: Name for messages.
        names: Names of its files, as used in positions; known after `identify` or `open`.
    """

    name: str
    names: tuple[str, ...]

    @property
    def read_bytes(self) -> int:
        """Bytes read, as stored."""

    @property
    def total_bytes(self) -> int | None:
        """Size in bytes, as stored, or None if unknown."""

    async def is_reading(self, path: str) -> bool:
        """Return whether a path is a file of the source.

        Raises:
            SourceError: A file of the source is missing.
        """

    async def identify(self) -> Identities:
        """Return what identifies the files.

        Raises:
            InvalidArgumentError: The source cannot be read again.
        """

    async def open(self, start: Position) -> None:
        """Open the source at a position.

        Raises:
            SourceError: The source cannot be read.
        """

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records.

        Raises:
            SourceError: The source is damaged; the records before are valid.
        """

    def take(self) -> Sequence[Chunk]:
        """Return records that were read and not yielded yet."""

    async def aclose(self) -> None:
        """Close the source."""
