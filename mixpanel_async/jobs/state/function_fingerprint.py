"""Fingerprint of the transform function, for checkpoints."""

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, MethodType

_HASH_BYTES = 16


def function_fingerprint(function: Callable[..., object] | None) -> str:
    """Return the name of a function and a hash of its source text, or of its bytecode if there is no source text.

    Functions that it calls and values that it closes over are not part of the hash.

    Args:
        function: A function, method, partial, or callable object, which is identified by its class; None gives "".
    """
    if function is None:
        return ""
    digest = hashlib.blake2b(digest_size=_HASH_BYTES)
    for text in _texts(function):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return f"{_name(function)} {digest.hexdigest()}"


def _texts(function: object) -> Iterator[str]:
    if isinstance(function, functools.partial):
        yield from _texts(function.func)
        for value in (*function.args, *(item for pair in sorted(function.keywords.items()) for item in pair)):
            # The repr of other types may hold a memory address, which differs from run to run.
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
        yield from _code_texts(getattr(function, "__code__", None))


def _code_texts(code: object) -> Iterator[str]:
    """Yield the parts of a code object that change its behaviour; line numbers and file names do not."""
    if not isinstance(code, CodeType):
        return
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_texts(constant)
        else:
            # The order of a set differs from run to run.
            yield repr(sorted(constant, key=repr) if isinstance(constant, frozenset) else constant)


def _name(function: object) -> str:
    if isinstance(function, functools.partial):
        return _name(function.func)
    return str(getattr(function, "__qualname__", type(function).__qualname__))
