"""Rules of rollouts: JsonLogic, compiled to closures when definitions are loaded."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from mixpanel_async.flags.comparisons import datetime_compare, semver_compare

Value: TypeAlias = Any  # what JSON can hold
Compiled: TypeAlias = Callable[[Value], Value]
_MAX_DEPTH: Final = 200
_ABSENT: Final = object()


class RuleError(ValueError):
    """A rule has an unknown operator, or is nested too deeply."""


def compile_rule(rule: object) -> Callable[[Mapping[str, object]], bool]:
    """Return a function that says whether a rule holds for properties; it raises nothing.

    Text is compared without letter case: that of the rule is folded here, that of the properties by `folded`. All
    operands are computed, so a rule with a part that cannot be computed does not hold.

    Args:
        rule: The rule, as decoded from JSON.

    Raises:
        RuleError: The rule has an unknown operator, or is nested too deeply.
    """
    compute = _compiled(rule, 0)

    def holds(properties: Mapping[str, object]) -> bool:
        try:
            return bool(compute(properties))
        except Exception:  # as the types of the properties are the caller's
            return False

    return holds


def folded(value: Value) -> Value:
    """Return a value without letter case, keys included."""
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, list):
        return [folded(one) for one in value]
    if isinstance(value, dict):
        return {
            (key.casefold() if isinstance(key, str) else key): (
                one.casefold() if type(one) is str else folded(one)  # without a call for most properties
            )
            for key, one in value.items()
        }
    return value


def _compiled(rule: Value, depth: int) -> Compiled:
    if not isinstance(rule, dict):
        constant = folded_leaves(rule)
        return lambda _: constant
    if depth > _MAX_DEPTH:
        raise RuleError(f"it is nested more than {_MAX_DEPTH} levels deep")
    if not rule:
        raise RuleError("it has an object without an operator")
    name, given = next(iter(rule.items()))
    operands = given if isinstance(given, list) else [given]
    if name == "var" and operands and isinstance(operands[0], str) and len(operands) == 1:
        return _property(operands[0].casefold())
    parts = tuple(_compiled(one, depth + 1) for one in operands)
    if name in _READERS:
        read = _READERS[name]
        return lambda data: read(data, *[part(data) for part in parts])
    if name not in _OPERATORS:
        raise RuleError(f"its operator {str(name)[:50]!r} is unknown")
    return _operation(_OPERATORS[name], parts)


def _operation(operate: Callable[..., Value], parts: Sequence[Compiled]) -> Compiled:
    if len(parts) == 2:  # noqa: PLR2004 - nearly every operation; without the list it takes half the time
        first, second = parts
        return lambda data: operate(first(data), second(data))
    return lambda data: operate(*[part(data) for part in parts])


def folded_leaves(value: Value) -> Value:
    """Return a value whose text is without letter case, except for keys."""
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, list):
        return [folded_leaves(one) for one in value]
    if isinstance(value, dict):
        return {key: folded_leaves(one) for key, one in value.items()}
    return value


def _property(name: str) -> Compiled:
    if "." in name:
        return lambda data: _variable(data, name)
    return lambda data: data.get(name)


def _variable(data: Value, path: object, default: Value = None) -> Value:
    found = data
    for part in str(path).split("."):
        if isinstance(found, dict):
            if part not in found:
                return default
            found = found[part]
        elif isinstance(found, list | str):
            try:
                index = int(part)
            except ValueError:
                return default
            found = found[index]
        else:
            return default
    return found


def _missing(data: Value, *paths: Value) -> list[Value]:
    wanted = paths[0] if paths and isinstance(paths[0], list) else paths
    return [path for path in wanted if _variable(data, path, _ABSENT) is _ABSENT]


def _missing_some(data: Value, least: Value, paths: Value) -> list[Value]:
    if least < 1:
        return []
    absent = [path for path in paths if _variable(data, path, _ABSENT) is _ABSENT]
    return [] if len(paths) - len(absent) >= least else absent


def _equal(first: Value, second: Value) -> bool:
    if isinstance(first, str) or isinstance(second, str):
        return str(first) == str(second)
    if isinstance(first, bool) or isinstance(second, bool):
        return bool(first) is bool(second)
    return bool(first == second)


def _same(first: Value, second: Value) -> bool:
    return type(first) is type(second) and bool(first == second)


def _less(first: Value, second: Value, *more: Value) -> bool:
    one, two = first, second
    if type(one) in _NUMBERS or type(two) in _NUMBERS:
        try:
            one, two = float(one), float(two)
        except TypeError:
            return False
    return bool(one < two) and (not more or _less(second, *more))


def _not_more(first: Value, second: Value, *more: Value) -> bool:
    return (_less(first, second) or _equal(first, second)) and (not more or _not_more(second, *more))


def _number(operand: Value) -> Value:
    if isinstance(operand, str):
        return float(operand) if "." in operand else int(operand)
    return operand


def _difference(first: Value, *second: Value) -> Value:
    return _number(first) - _number(second[0]) if second else -_number(first)


def _product(*operands: Value) -> float:
    result: float = 1
    for operand in operands:
        result *= float(operand)
    return result


def _remainder(first: Value, second: Value) -> Value:
    if isinstance(first, str):  # in Python, `%` fills a text in, as wide as the text asks for
        raise TypeError("text has no remainder")
    return first % second


def _and(*operands: Value) -> Value:
    result: Value = True
    for operand in operands:
        result = result and operand
    return result


def _or(*operands: Value) -> Value:
    result: Value = False
    for operand in operands:
        result = result or operand
    return result


def _branch(*operands: Value) -> Value:
    for index in range(0, len(operands) - 1, 2):
        if operands[index]:
            return operands[index + 1]
    return operands[-1] if len(operands) % 2 else None


def _merged(*operands: Value) -> list[Value]:
    return [one for operand in operands for one in (operand if isinstance(operand, list) else [operand])]


def _is_in(part: Value, whole: Value) -> bool:
    return isinstance(whole, str | list | dict) and part in whole


_NUMBERS: Final = frozenset({int, float})
_READERS: Final[Mapping[str, Callable[..., Value]]] = {
    "var": _variable,
    "missing": _missing,
    "missing_some": _missing_some,
}
_OPERATORS: Final[Mapping[str, Callable[..., Value]]] = {
    "==": _equal,
    "===": _same,
    "!=": lambda first, second: not _equal(first, second),
    "!==": lambda first, second: not _same(first, second),
    "<": _less,
    "<=": _not_more,
    ">": lambda first, second: _less(second, first),
    ">=": lambda first, second: _less(second, first) or _equal(first, second),
    "!": lambda operand: not operand,
    "!!": lambda operand=False: bool(operand),
    "and": _and,
    "or": _or,
    "if": _branch,
    "?:": lambda condition, first, second: first if condition else second,
    "in": _is_in,
    "cat": lambda *operands: "".join(str(operand) for operand in operands),
    "+": lambda *operands: sum(_number(operand) for operand in operands),
    "-": _difference,
    "*": _product,
    "/": lambda first, second=None: first if second is None else float(first) / float(second),
    "%": _remainder,
    "min": lambda *operands: min(operands),
    "max": lambda *operands: max(operands),
    "merge": _merged,
    "count": lambda *operands: sum(1 if operand else 0 for operand in operands),
    "log": lambda operand: operand,
    "semver_compare": semver_compare,
    "datetime_compare": datetime_compare,
}
