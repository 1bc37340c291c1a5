"""Invalid calls are refused before anything is opened, sent or written."""

import asyncio
import os
import pathlib
from collections.abc import Callable

import pytest

from mixpanel_async import AsyncMixpanel, UpdateMapping
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError
from tests.records import event, ndjson

Write = Callable[[str, bytes], pathlib.Path]


@pytest.mark.parametrize("source", ["", ["a.ndjson", ""]])
async def test_an_empty_path(
    mp: AsyncMixpanel, write: Write, monkeypatch: pytest.MonkeyPatch, source: str | list[str]
) -> None:
    """An empty path, as from an unset variable, does not mean the current directory."""
    monkeypatch.chdir(write("a.ndjson", ndjson([event(1)])).parent)
    for call in (mp.import_events, mp.import_profiles, mp.import_groups):
        with pytest.raises(InvalidArgumentError, match="a path is empty"):
            await call(source)
    with pytest.raises(InvalidArgumentError, match="a path is empty"):
        await mp.replay_dead_letters("")


@pytest.mark.parametrize("option", ["checkpoint", "dead_letters"])
async def test_an_empty_path_of_an_option(mp: AsyncMixpanel, write: Write, option: str) -> None:
    """The same applies to the files that a job writes."""
    with pytest.raises(InvalidArgumentError, match=f"{option} is invalid: the path is empty"):
        await mp.import_events(write("a.ndjson", ndjson([event(1)])), **{option: ""})  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["checkpoint", "dead_letters"])
@pytest.mark.parametrize("source", ["path", "link", "directory", "pattern", "second", "open", "unbuffered"])
async def test_a_source_that_is_written(
    mp: AsyncMixpanel, emulator: Emulator, write: Write, option: str, source: str
) -> None:
    """A job does not write to a file that it reads, under whatever name."""
    content = ndjson([event(1)]) + b"bad\n"
    path = write("a.ndjson", content)
    (path.parent / "link.ndjson").symlink_to(path)
    os.link(path, path.parent / "same.ndjson")
    written = path.parent / "same.ndjson" if source == "path" else path
    sources: dict[str, object] = {
        "path": path,
        "link": path.parent / "link.ndjson",
        "directory": path.parent,
        "pattern": str(path.parent / "*.ndjson"),
        "second": [path.parent / "link.ndjson", path],
    }
    with path.open("rb", buffering=0 if source == "unbuffered" else -1) as file:
        for call in (mp.import_events, mp.import_profiles):
            with pytest.raises(InvalidArgumentError, match="is invalid: the import reads this file"):
                await call(sources.get(source, file), **{option: written})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="is invalid: the import reads this file"):
        await mp.replay_dead_letters(path, **{option: written})  # type: ignore[arg-type]
    assert path.read_bytes() == content
    assert not emulator.requests


async def test_one_file_for_two_purposes(mp: AsyncMixpanel, write: Write) -> None:
    """The checkpoint and the dead letters must be two files, even before they exist."""
    path = write("a.ndjson", ndjson([event(1)]))
    (path.parent / "here").symlink_to(path.parent)
    with pytest.raises(InvalidArgumentError, match="it is the file of the dead letters; name two files"):
        await mp.import_events(path, checkpoint=path.with_name("c"), dead_letters=path.parent / "here" / "c")
    assert not path.with_name("c").exists()


@pytest.mark.parametrize("concurrency", [0, -1, "2", 1.5, True])
async def test_concurrency(mp: AsyncMixpanel, concurrency: int) -> None:
    """An invalid concurrency is refused by imports and pipes; pipes raise at the call."""
    with pytest.raises(InvalidArgumentError, match=r"concurrency is invalid: .* is not an integer of at least 1"):
        await mp.import_events([event(1)], concurrency=concurrency)
    with pytest.raises(InvalidArgumentError, match=r"concurrency is invalid: .* is not an integer of at least 1"):
        mp.pipe([event(1)], concurrency=concurrency)


@pytest.mark.parametrize("most", [0, -5, "2", None])
async def test_unacknowledged_records(mp: AsyncMixpanel, most: int) -> None:
    """max_unacknowledged must be at least 1."""
    with pytest.raises(InvalidArgumentError, match=r"max_unacknowledged is invalid: .* is not an integer"):
        mp.pipe([event(1)], max_unacknowledged=most)
    async with asyncio.timeout(10):
        assert [ack.offset async for ack in mp.pipe([event(1), event(2)], max_unacknowledged=1)] == [1, 2]


@pytest.mark.parametrize("delimiter", ["", ";;", "\\t", '"', "\n", "\r", 5])
async def test_delimiters(mp: AsyncMixpanel, write: Write, delimiter: str) -> None:
    """An invalid delimiter is refused before the file is opened."""
    path = write("a.csv", b"event;time\n")
    with pytest.raises(InvalidArgumentError, match=r"delimiter is invalid: .* is not one character"):
        await mp.import_events(path, delimiter=delimiter)
    with pytest.raises(InvalidArgumentError, match=r"delimiter is invalid: .* is not one character"):
        await mp.import_profiles(path, delimiter=delimiter, mapping=UpdateMapping(id_field="time"))
