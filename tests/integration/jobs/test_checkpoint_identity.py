"""Only the job that a checkpoint belongs to can resume it: same target, same function."""

import functools
import pathlib
from collections.abc import Callable, Mapping

import msgspec
import orjson
import pytest

from mixpanel_async import AsyncMixpanel, ServiceAccount
from mixpanel_async.emulator import Emulator
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.encoding.mappings import Transform
from mixpanel_async.jobs.model.chunks import Position
from mixpanel_async.jobs.state.checkpoint import Checkpoint, JobIdentity, Target, encode_checkpoint, read_checkpoint
from mixpanel_async.jobs.state.function_fingerprint import function_fingerprint
from tests.records import event, ndjson

Write = Callable[[str, bytes], pathlib.Path]
US, EU = "https://api.mixpanel.com/import", "https://api-eu.mixpanel.com/import"
ACCOUNT = ServiceAccount("user", "secret")


def reread(found: Target, wanted: Target, *, settled: int = 1) -> Target:
    """Write a checkpoint for one target, read it for another, and return the target that it then speaks of."""
    text = encode_checkpoint(Checkpoint(job=JobIdentity(target=found), position=Position(0, settled)))
    return read_checkpoint("file", text, JobIdentity(target=wanted)).job.target


@pytest.mark.parametrize(
    ("found", "wanted", "message"),
    [
        (Target(US), Target(EU), f"to {US}, not to {EU}"),
        (Target(US, "1"), Target(US, "2"), "to project 1, not to project 2"),
        (Target(US, "", "a"), Target(US, "", "b"), "to the project of another token"),
        (Target(US, "1", "a"), Target(US, "1", "b"), "to the project of another token"),
    ],
)
def test_other_targets_are_refused(found: Target, wanted: Target, message: str) -> None:
    """Another server or project is refused, and the error names both; if nothing has settled, it is accepted."""
    with pytest.raises(InvalidArgumentError, match=message):
        reread(found, wanted)
    assert reread(found, wanted, settled=0) == wanted


@pytest.mark.parametrize(
    ("found", "wanted", "known"),
    [
        (Target(US, "1"), Target(US, "1"), Target(US, "1")),
        (Target(US, "", "a"), Target(US, "1"), Target(US, "1", "a")),
        (Target(US, "1"), Target(US), Target(US, "1")),
        (Target(US, "1", "a"), Target(US, "2", "a"), Target(US, "2", "a")),
    ],
)
def test_what_is_not_known_is_no_difference(found: Target, wanted: Target, known: Target) -> None:
    """Another kind of credential for the same project can resume; what either run knew is kept."""
    assert reread(found, wanted) == known


def test_checkpoints_of_other_versions_are_refused() -> None:
    """A checkpoint of another version is distinguished from a file that is not a checkpoint."""
    old = b'{"sources":[],"mapping":"","place":{},"counts":{},"letters_from":0,"is_done":false,"version":1}'
    with pytest.raises(InvalidArgumentError, match="written by another version"):
        read_checkpoint("file", old, JobIdentity())
    with pytest.raises(InvalidArgumentError, match="is not a checkpoint file"):
        read_checkpoint("file", b'{"version":2}', JobIdentity())


async def test_another_server(emulator: Emulator, write: Write) -> None:
    """An import into one server cannot be resumed into another; the checkpoint holds no secret."""
    path = write("a.ndjson", ndjson([event(1)]))
    checkpoint = path.with_name("checkpoint")
    async with AsyncMixpanel("token-of-one", base_url=emulator.url) as mp:
        await mp.import_events(path, checkpoint=checkpoint)
    async with Emulator() as other, AsyncMixpanel("token-of-one", base_url=other.url) as mp:
        with pytest.raises(InvalidArgumentError, match=rf"to {emulator.url}/import, not to {other.url}/import"):
            await mp.import_events(path, checkpoint=checkpoint)
        assert not other.requests
    assert b"token-of-one" not in checkpoint.read_bytes()


async def test_another_project(emulator: Emulator, write: Write) -> None:
    """Another project_id is refused, and another token if only the token determines the project."""
    path = write("a.ndjson", ndjson([event(1)]))
    for first, second, message in (
        ({"credentials": ACCOUNT, "project_id": 1}, {"credentials": ACCOUNT, "project_id": 2}, "to project 1, not to"),
        ({"token": "one"}, {"token": "two"}, "another token"),
    ):
        checkpoint = path.with_name(f"checkpoint-{message[-5:]}")
        async with AsyncMixpanel(**first, base_url=emulator.url) as mp:
            await mp.import_events(path, checkpoint=checkpoint)
            again = await mp.import_events(path, checkpoint=checkpoint)
        assert (again.imported, again.resumed) == (1, 1)
        async with AsyncMixpanel(**second, base_url=emulator.url) as mp:
            with pytest.raises(InvalidArgumentError, match=message):
                await mp.import_events(path, checkpoint=checkpoint)


async def test_updates_go_by_the_token(emulator: Emulator, write: Write) -> None:
    """An import of profiles belongs to the project of the token, whatever the project_id."""
    path = write("a.ndjson", b'{"$distinct_id":"ann","$set":{"a":1}}\n')
    checkpoint = path.with_name("checkpoint")
    async with AsyncMixpanel("one", project_id=1, base_url=emulator.url) as mp:
        await mp.import_profiles(path, checkpoint=checkpoint)
    async with AsyncMixpanel("two", project_id=1, base_url=emulator.url) as mp:
        with pytest.raises(InvalidArgumentError, match="another token"):
            await mp.import_profiles(path, checkpoint=checkpoint)


# --- the caller's function --------------------------------------------------------------------------------------------


def made(source: str) -> Transform:
    """Return a function whose source text is nowhere."""
    names: dict[str, Transform] = {}
    exec(source, names)  # noqa: S102 - the one way to such a function
    return names["transform"]


def keep(one: dict[str, object]) -> Mapping[str, object]:
    return one


def add(one: dict[str, object], name: str = "", *, value: object = None) -> Mapping[str, object]:
    return {**one, name: value}


class Renaming:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, one: dict[str, object]) -> Mapping[str, object]:
        return {**one, "event": self.name}

    def renamed(self, one: dict[str, object]) -> Mapping[str, object]:
        return self(one)


def test_a_function_is_known_by_its_text() -> None:
    """The fingerprint depends on the source text for every kind of function, and holds no memory address."""
    for function in (keep, lambda one: one, Renaming("a"), Renaming("a").renamed, functools.partial(add, name="a")):
        assert function_fingerprint(function) == function_fingerprint(function)
    assert function_fingerprint(Renaming("a")) == function_fingerprint(Renaming("b"))
    assert function_fingerprint(functools.partial(add, value=object())) == function_fingerprint(
        functools.partial(add, value=object())
    )
    assert function_fingerprint(None) == ""
    assert function_fingerprint(dict)


def test_other_functions_have_other_hashes() -> None:
    """Another text, function or plain argument changes the fingerprint."""
    functions: list[Transform] = [
        keep,
        lambda one: {**one},
        Renaming("a"),
        Renaming("a").renamed,
        functools.partial(add, name="a"),
        functools.partial(add, name="b"),
        functools.partial(add, value="a"),
    ]
    assert len({function_fingerprint(function) for function in functions}) == len(functions)


def test_a_function_without_text_is_known_by_its_code() -> None:
    """Without source text, constants, names and inner functions count; line numbers do not."""
    first = "def transform(one): return {**one, 'a': [n for n in (1, 2)]}"
    assert function_fingerprint(made(first)) == function_fingerprint(made("\n\n" + first))
    for other in (first.replace("1", "3"), first.replace("'a'", "'b'"), first.replace("n for n", "-n for n")):
        assert function_fingerprint(made(first)) != function_fingerprint(made(other))


async def test_changed_code_is_refused(mp: AsyncMixpanel, emulator: Emulator, write: Write) -> None:
    """A function of the same name with other code cannot resume an import."""
    path = write("a.ndjson", ndjson([event(1)]))
    checkpoint = path.with_name("checkpoint")
    first = "def transform(one): return {**one, 'event': 'Sawn'}"
    await mp.import_events(path, checkpoint=checkpoint, transform=made(first))
    again = await mp.import_events(path, checkpoint=checkpoint, transform=made(first))
    assert again.resumed == 1
    requests = len(emulator.requests)
    with pytest.raises(InvalidArgumentError, match="the transform function has changed"):
        await mp.import_events(path, checkpoint=checkpoint, transform=made(first.replace("Sawn", "Sewn")))
    with pytest.raises(InvalidArgumentError, match="the transform function has changed"):
        await mp.import_events(path, checkpoint=checkpoint)
    assert len(emulator.requests) == requests
    assert msgspec.json.decode(checkpoint.read_bytes(), type=Checkpoint).job.function.startswith("transform ")
    assert orjson.loads(checkpoint.read_bytes())["version"] == 2
