"""Whether a caller's function is still the one that a checkpoint speaks of. Pure."""

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, MethodType

_HASH_BYTES = 16


def function_hash(function: Callable[..., object] | None) -> str:
    """Return what changes when a function does: its name and a hash of its source text, or of its code without one.

    What it calls, and the values that it finds around it, are not looked at.

    Args:
        function: A function, method, partial, or an object that can be called, which stands for its class; None: "".
    """
    if function is None:
        return ""
    digest = hashlib.blake2b(digest_size=_HASH_BYTES)
    for piece in _pieces(function):
        digest.update(piece.encode("utf-8", "surrogatepass") + b"\0")
    return f"{_name(function)} {digest.hexdigest()}"


def _pieces(function: object) -> Iterator[str]:
    if isinstance(function, functools.partial):
        yield from _pieces(function.func)
        for value in (*function.args, *(item for pair in sorted(function.keywords.items()) for item in pair)):
            # What others print may hold an address, which differs from run to run.
            is_plain = isinstance(value, str | int | float | bytes | None)
            yield repr(value) if is_plain else type(value).__qualname__
        return
    function = inspect.unwrap(function) if callable(function) else function
    if isinstance(function, MethodType):
        function = function.__func__
    if not isinstance(function, FunctionType | type):
        function = type(function)
    try:
        yield inspect.getsource(function)
    except (OSError, TypeError):
        yield from _code_pieces(getattr(function, "__code__", None))


def _code_pieces(code: object) -> Iterator[str]:
    """Yield what a function does; its lines and files do not count."""
    if not isinstance(code, CodeType):
        return
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_pieces(constant)
        else:
            yield repr(sorted(constant, key=repr) if isinstance(constant, frozenset) else constant)


def _name(function: object) -> str:
    if isinstance(function, functools.partial):
        return _name(function.func)
    return str(getattr(function, "__qualname__", type(function).__qualname__))
