"""Command-line options that are made from JobOptions."""

import inspect
from typing import get_args

import pytest
import typer

from mixpanel_async import JobOptions
from mixpanel_async.cli.commands.exports import Days, day_options
from mixpanel_async.cli.options.jobs import field_helps, job_options
from mixpanel_async.errors import InvalidArgumentError


def test_options_are_made_from_the_fields() -> None:
    """A field becomes an option with its name, default and the first sentence of its description."""
    build = job_options("checkpoint", "dry_run", "concurrency")
    parameters = inspect.signature(build).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        "checkpoint": None, "dry_run": False, "concurrency": None,
    }  # fmt: skip
    kinds = {name: get_args(parameter.annotation) for name, parameter in parameters.items()}
    assert [kind for kind, _ in kinds.values()] == [str | None, bool, int | None]
    option = kinds["dry_run"][1]
    assert (option.default, option.help) == ("--dry-run", "Do everything except sending.")
    assert build(checkpoint="c", dry_run=False, concurrency=3) == JobOptions(checkpoint="c", concurrency=3)


def test_every_field_has_a_help_text() -> None:
    """The description of every field yields a help text of one sentence."""
    helps = field_helps(JobOptions)
    assert helps.keys() == set(JobOptions.__struct_fields__)
    assert helps["checkpoint"] == "Record progress in this file; run the same job again to resume."
    assert all(text.endswith(".") for text in helps.values())


def test_the_old_names_of_the_dates_still_work() -> None:
    """--from and --to are hidden and mean --from-date and --to-date."""
    assert day_options(from_date="a", to_date="b") == day_options(old_from_date="a", old_to_date="b") == Days("a", "b")
    with pytest.raises(InvalidArgumentError, match="--to-date is missing"):
        day_options(from_date="a")
    hidden = [
        option.default  # in an Annotated, typer keeps the first name here
        for parameter in inspect.signature(day_options, eval_str=True).parameters.values()
        for option in get_args(parameter.annotation)
        if isinstance(option, typer.models.OptionInfo) and option.hidden
    ]
    assert hidden == ["--from", "--to"]
