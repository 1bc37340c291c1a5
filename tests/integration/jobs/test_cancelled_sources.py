"""Cancellations raised by a source or function instead of the job's own cancellation."""

import asyncio
import contextlib
import io
import pathlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from mixpanel_async import AsyncMixpanel, ImportProgress, Settings
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.model.report import ExitStatus
from mixpanel_async.jobs.sources.iterables import Record
from tests.records import event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
MESSAGE = "cancelled"


async def driver() -> AsyncIterator[Record]:
    """Yield as a driver whose own task is cancelled under it."""
    for number in range(3):
        yield event(number)
    task = asyncio.create_task(asyncio.sleep(9))
    task.cancel()
    await task
    yield event(3)


async def old_driver() -> AsyncIterator[Record]:
    """Yield as a driver that was written before tasks counted how often they are cancelled."""
    for number in range(3):
        yield event(number)
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(9)
    raise asyncio.CancelledError


def plain() -> Iterator[Record]:
    """Yield as an iterable that runs something that was cancelled."""
    yield from map(event, range(3))
    raise asyncio.CancelledError


@pytest.mark.parametrize("source", [driver, old_driver, plain])
async def test_an_import(mp: AsyncMixpanel, emulator: Emulator, source: Callable[[], AsyncIterator[Record]]) -> None:
    """An import whose source raises CancelledError delivers the records before it and reports an error."""
    async with asyncio.timeout(10):
        report = await mp.import_events(source())
    assert (report.imported, report.exit_status) == (3, ExitStatus.INCOMPLETE)
    assert MESSAGE in report.error
    assert not report.is_complete
    assert len(await emulator.events()) == 3


@pytest.mark.parametrize("source", [driver, old_driver, plain])
async def test_a_pipe(mp: AsyncMixpanel, emulator: Emulator, source: Callable[[], AsyncIterator[Record]]) -> None:
    """A pipe acknowledges the records before, and raises an error that is not a cancellation of its caller."""
    acks = mp.pipe(source())
    async with asyncio.timeout(10):
        assert [(await anext(acks)).offset for _ in range(3)] == [1, 2, 3]
        with pytest.raises(SourceError, match=MESSAGE):
            await anext(acks)
    assert len(await emulator.events()) == 3


async def test_a_file_object(mp: AsyncMixpanel) -> None:
    """The same applies to an open file."""

    class File(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if found := super().read(size):
                return found
            raise asyncio.CancelledError

    async with asyncio.timeout(10):
        report = await mp.import_events(File(ndjson([event(1)])), format="ndjson")
    assert report.exit_status is ExitStatus.INCOMPLETE
    assert MESSAGE in report.error


@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_function(mp: AsyncMixpanel, *, is_slow: bool) -> None:
    """A transform function that raises CancelledError does not make the import look complete."""

    async def records() -> AsyncIterator[Record]:
        for number in range(3):
            yield event(number)
        if is_slow:  # what is there is taken meanwhile
            await asyncio.sleep(9)

    def cancelled(one: dict[str, object]) -> dict[str, object]:
        if "user-2" in str(one):
            raise asyncio.CancelledError
        return one

    async with asyncio.timeout(5):
        report = await mp.import_events(records(), transform=cancelled)
    assert report.exit_status is ExitStatus.INCOMPLETE
    assert "the transform function raised CancelledError" in report.error


async def test_a_function_that_shows_progress(mp: AsyncMixpanel, write: Write) -> None:
    """An on_progress function that raises CancelledError does not end the import."""

    def show(_progress: ImportProgress) -> None:
        raise asyncio.CancelledError

    report = await mp.import_events(write("a.ndjson", ndjson([event(1)])), on_progress=show)
    assert (report.imported, report.exit_status) == (1, ExitStatus.OK)


@pytest.mark.parametrize("stop", [False, True])
async def test_the_jobs_own_end(emulator: Emulator, *, stop: bool) -> None:
    """Cancelling an import raises CancelledError; stopping it is not an error."""
    is_read = asyncio.Event()

    async def records() -> AsyncIterator[Record]:
        yield event(1)
        is_read.set()
        await asyncio.Event().wait()

    told = asyncio.Event()
    async with AsyncMixpanel("token", base_url=emulator.url, settings=Settings(linger_seconds=0.05)) as mp:
        job = asyncio.create_task(mp.import_events(records(), stop=told))
        async with asyncio.timeout(10):
            await is_read.wait()
            if stop:
                told.set()
                report = await job
                assert (report.imported, report.error, report.is_stopped) == (1, "", True)
            else:
                job.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await job
