"""Options that commands share: a function whose parameters are the options and which returns their value."""

import functools
import inspect
from collections.abc import Callable
from typing import TypeAlias, get_type_hints

Group: TypeAlias = Callable[..., object]
Command: TypeAlias = Callable[..., int]


def with_options(**groups: Group) -> Callable[[Command], Command]:
    """Return a decorator that replaces parameters of a command by the options of option functions.

    Args:
        **groups: By parameter of the command: the function that makes the parameter's value from options.
    """

    def decorate(command: Command) -> Command:
        own = [p for p in inspect.signature(command).parameters.values() if p.name not in groups]
        hints = get_type_hints(command, include_extras=True)
        names = {}
        parameters = list(own)
        for name, group in groups.items():
            found = list(inspect.signature(group).parameters.values())
            names[name] = [parameter.name for parameter in found]
            parameters += found
            hints |= get_type_hints(group, include_extras=True)

        @functools.wraps(command)
        def run(**given: object) -> int:
            values = {name: groups[name](**{each: given.pop(each) for each in names[name]}) for name in groups}
            return command(**given, **values)

        parameters = [p.replace(annotation=hints[p.name]) for p in parameters]
        run.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: hints[p.name] for p in parameters}
        return run

    return decorate
