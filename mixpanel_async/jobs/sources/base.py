"""Source and Reader protocols."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from mixpanel_async.jobs.model.chunks import Chunk, Position
from mixpanel_async.jobs.model.source_identity import SourceIdentity

CheckColumns = Callable[[Sequence[str]], None]


class Reader(Protocol):
    """Reads one file of one format."""

    async def open(self, start: Position) -> None:
        """Go to where reading begins.

        Raises:
            SourceError: The file is broken.
            InvalidSettingError: The table's columns will not do.
        """

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records.

        Raises:
            SourceError: The file is broken; what was read before counts.
        """


class Source(Protocol):
    """What a job reads.

    Attributes:
        name: For people.
        names: Of its parts, as positions name them; known when it was identified or opened.
    """

    name: str
    names: tuple[str, ...]

    @property
    def read_bytes(self) -> int:
        """Bytes read, as they are stored."""

    @property
    def total_bytes(self) -> int | None:
        """Bytes that there are, or None where nobody knows."""

    async def is_reading(self, path: str) -> bool:
        """Return whether a path leads to a file that it reads.

        Raises:
            SourceError: It cannot be found.
        """

    async def identify(self) -> tuple[SourceIdentity, ...]:
        """Return what tells it from others.

        Raises:
            InvalidSettingError: It cannot be read again.
        """

    async def open(self, start: Position) -> None:
        """Open it, to be read from a place.

        Raises:
            SourceError: It cannot be read.
        """

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield its records.

        Raises:
            SourceError: It is broken; what was read before counts.
        """

    def take(self) -> Sequence[Chunk]:
        """Return records that were read and not yielded yet."""

    async def aclose(self) -> None:
        """Let go of it."""
