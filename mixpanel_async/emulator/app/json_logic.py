"""Rules of feature flags: the operators of JsonLogic that Mixpanel's Python library knows, with its results."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mixpanel_async.emulator.app.comparisons import compare_times, compare_versions

Rule = Any  # any JSON value
_ABSENT: Final = object()
_MAX_DEPTH: Final = 200


class UnknownOperatorError(ValueError):
    """A rule has an operator that is not known, or is nested too deeply."""


def rule_holds(rule: Rule, data: Mapping[str, Any]) -> bool:
    """Return whether a rule holds; one that cannot be computed does not.

    Args:
        rule: The rule.
        data: Values of the variables.
    """
    try:
        return bool(_value(rule, data, 0))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return False


def _value(rule: Rule, data: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(rule, dict):
        return rule
    if depth > _MAX_DEPTH:
        raise UnknownOperatorError("the rule is nested too deeply")
    name, given = next(iter(rule.items()))
    operands = [_value(one, data, depth + 1) for one in (given if isinstance(given, list) else [given])]
    if name in _READERS:
        return _READERS[name](data, *operands)
    if name not in _OPERATORS:
        raise UnknownOperatorError(f"the operator {name!r} is unknown")
    return _OPERATORS[name](*operands)


def _variable(data: Any, path: object, default: Any = None) -> Any:  # noqa: ANN401 - any JSON value
    found = data
    for part in str(path).split("."):
        try:
            found = found[int(part)] if isinstance(found, list | str) else found[part]
        except (LookupError, TypeError, ValueError):
            return default
    return found


def _missing(data: Any, *paths: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    wanted = paths[0] if paths and isinstance(paths[0], list) else paths
    return [path for path in wanted if _variable(data, path, _ABSENT) is _ABSENT]


def _missing_some(data: Any, least: int, paths: Sequence[Any]) -> list[Any]:  # noqa: ANN401 - any JSON value
    absent = _missing(data, list(paths))
    return [] if len(paths) - len(absent) >= least else absent


def _equal(first: Any, second: Any) -> bool:  # noqa: ANN401 - any JSON value
    if isinstance(first, str) or isinstance(second, str):
        return str(first) == str(second)
    if isinstance(first, bool) or isinstance(second, bool):
        return bool(first) is bool(second)
    return bool(first == second)


def _same(first: Any, second: Any) -> bool:  # noqa: ANN401 - any JSON value
    return type(first) is type(second) and bool(first == second)


def _less(first: Any, second: Any, *more: Any) -> bool:  # noqa: ANN401 - any JSON value
    one, two = first, second
    if type(first) in {int, float} or type(second) in {int, float}:
        if not all(isinstance(operand, str | int | float) for operand in (first, second)):
            return False
        one, two = float(first), float(second)
    return bool(one < two) and (not more or _less(second, *more))


def _not_more(first: Any, second: Any, *more: Any) -> bool:  # noqa: ANN401 - any JSON value
    return (_less(first, second) or _equal(first, second)) and (not more or _not_more(second, *more))


def _number(operand: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(operand, str):
        return float(operand) if "." in operand else int(operand)
    return operand


def _product(*operands: Any) -> Any:  # noqa: ANN401 - any JSON value
    result: Any = 1
    for operand in operands:
        result *= float(operand)
    return result


def _difference(first: Any, *second: Any) -> Any:  # noqa: ANN401 - any JSON value
    return _number(first) - _number(second[0]) if second else -_number(first)


def _first_where(operands: Sequence[Any], start: Any, *, truth: bool) -> Any:  # noqa: ANN401 - any JSON value
    """Return the first operand of a truth value, or the last one; `start` without operands."""
    result = start
    for operand in operands:
        result = operand
        if bool(operand) is truth:
            break
    return result


def _branch(*operands: Any) -> Any:  # noqa: ANN401 - any JSON value
    for index in range(0, len(operands) - 1, 2):
        if operands[index]:
            return operands[index + 1]
    return operands[-1] if len(operands) % 2 else None


def _merged(*operands: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    return [one for operand in operands for one in (operand if isinstance(operand, list) else [operand])]


def _is_in(part: Any, whole: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(whole, str | list | dict) and part in whole


_Operator = Callable[..., Any]
_READERS: Final[Mapping[str, _Operator]] = {
    "var": _variable,
    "missing": _missing,
    "missing_some": _missing_some,
}
_OPERATORS: Final[Mapping[str, _Operator]] = {
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
    "and": lambda *operands: _first_where(operands, True, truth=False),
    "or": lambda *operands: _first_where(operands, False, truth=True),
    "if": _branch,
    "?:": lambda condition, first, second: first if condition else second,
    "in": _is_in,
    "cat": lambda *operands: "".join(map(str, operands)),
    "+": lambda *operands: sum(map(_number, operands)),
    "-": _difference,
    "*": _product,
    "/": lambda first, second=None: first if second is None else float(first) / float(second),
    "%": lambda first, second: first % second,
    "min": lambda *operands: min(operands),
    "max": lambda *operands: max(operands),
    "merge": _merged,
    "count": lambda *operands: sum(map(bool, operands)),
    "log": lambda operand: operand,
    "semver_compare": compare_versions,
    "datetime_compare": compare_times,
}
