"""Options of the commands that run a job, made from the fields of JobOptions."""

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
import typer

from mixpanel_async import JobOptions
from mixpanel_async.config import ForeignToken
from mixpanel_async.jobs.options import PathLike

_PANEL: Final = "Job"
_MAX_CONCURRENCY: Final = 99  # a client makes up to 100 requests at once, one of them for live records
_FIELD: Final = re.compile(r"^    (\w+): (.+(?:\n {8,}.+)*)", re.MULTILINE)


def job_options(*names: str) -> Callable[..., JobOptions]:
    """Return a function that has some fields of JobOptions as command-line options and returns the JobOptions.

    Args:
        *names: Names of the fields, in the order of the help.
    """
    fields = {field.name: field for field in msgspec.structs.fields(JobOptions)}
    helps = field_helps(JobOptions)

    def build(**given: object) -> JobOptions:
        return JobOptions(**given)  # type: ignore[arg-type]

    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=fields[name].default,
            annotation=_annotation(name, fields[name].type, helps[name]),
        )
        for name in names
    ]
    # typer reads both; the function itself takes what they describe.
    build.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    build.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return build


def field_helps(kind: type) -> dict[str, str]:
    """Return the first sentence of each field's description in the docstring of a class."""
    attributes = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    found = _FIELD.findall(attributes)
    return {name: re.split(r"(?<=\.) ", " ".join(text.split()))[0] for name, text in found}


def _annotation(name: str, kind: object, words: str) -> object:
    flag = f"--{name.replace('_', '-')}"
    if kind is bool:
        return Annotated[bool, typer.Option(flag, help=words, rich_help_panel=_PANEL)]
    if kind == PathLike | None:
        return Annotated[str | None, typer.Option(flag, metavar="FILE", help=words, rich_help_panel=_PANEL)]
    if kind == ForeignToken | None:
        return Annotated[ForeignToken | None, typer.Option(flag, help=words, rich_help_panel=_PANEL)]
    return Annotated[int | None, typer.Option(flag, min=1, max=_MAX_CONCURRENCY, help=words, rich_help_panel=_PANEL)]
