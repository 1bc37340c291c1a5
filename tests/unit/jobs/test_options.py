"""JobOptions, its keyword arguments and its command-line options."""

import inspect
import pathlib

import msgspec
import pytest

from mixpanel_async import JobOptions
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.options import JobArguments


def test_the_keyword_arguments_are_the_fields() -> None:
    """Every field is a keyword argument of the imports with the same type, and is documented."""
    fields = {field.name: field.type for field in msgspec.structs.fields(JobOptions)}
    assert fields == JobArguments.__annotations__
    assert all(f"    {name}: " in str(inspect.getdoc(JobOptions)) for name in fields)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": ""}, "checkpoint is invalid: the path is empty"),
        ({"dead_letters": ""}, "dead_letters is invalid: the path is empty"),
        ({"concurrency": 0}, "concurrency is invalid: 0 is not an integer of at least 1"),
        ({"concurrency": True}, "concurrency is invalid: True is not an integer"),
        ({"exact_dedupe": "no"}, "exact_dedupe is invalid: 'no' is not True or False"),
        ({"dry_run": 1}, "dry_run is invalid: 1 is not True or False"),
        ({"probe": None}, "probe is invalid: None is not True or False"),
        ({"dry_run": True, "checkpoint": "c"}, "checkpoint is invalid: a dry run delivers nothing"),
        ({"dead_letters": "./c", "checkpoint": "c"}, "checkpoint is invalid: it is the file of the dead letters"),
    ],
)
def test_invalid_options(options: dict[str, object], message: str) -> None:
    """An invalid option is named with its rule when the options are made."""
    with pytest.raises(InvalidArgumentError) as caught:
        JobOptions(**options)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_paths_are_strings() -> None:
    """Paths may be given as path objects."""
    options = JobOptions(checkpoint=pathlib.Path("c"), dead_letters="d")
    assert (options.checkpoint_path, options.dead_letters_path, options.written_files) == ("c", "d", ["c", "d"])
