"""What a call can be given."""

import inspect
from collections.abc import Callable
from typing import get_args


def argument_names(function: Callable[..., object]) -> set[str]:
    """Names of a function's arguments; of `**scope: Unpack[Scope]` the names that `Scope` has."""
    found: set[str] = set()
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            found |= get_args(parameter.annotation)[0].__annotations__.keys()
        else:
            found.add(name)
    return found
