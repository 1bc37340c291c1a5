"""Expressions as the builder writes them mean what was built: the local server's grammar reads them back."""

import operator
from collections.abc import Callable
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.emulator.expressions import syntax
from mixpanel_async.emulator.expressions.parser import parse_expression
from mixpanel_async.expressions import Expression, event, prop, user

Shape = tuple[object, ...]
Binary = Callable[[Expression, Expression], Expression]


class Built(NamedTuple):
    """An expression and what it should be read as."""

    expression: Expression
    shape: Shape


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
LITERALS = st.one_of(
    NAMES,
    st.integers(-(10**9), 10**9),
    st.floats(-1e9, 1e9).map(lambda number: round(number, 3)),
    st.booleans(),
    st.none(),
)
COMPARISONS: dict[str, Binary] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ARITHMETIC: dict[str, Binary] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "%": operator.mod,
}  # fmt: skip
LOGIC: dict[str, Binary] = {"and": operator.and_, "or": operator.or_}
SCOPES = {"properties": prop, "user": user, "event": event}


def fields() -> st.SearchStrategy[Built]:
    return st.builds(
        lambda scope, name: Built(SCOPES[scope](name), ("field", scope, name)), st.sampled_from(list(SCOPES)), NAMES
    )


def compounds(inner: st.SearchStrategy[Built]) -> st.SearchStrategy[Built]:
    table = {**COMPARISONS, **ARITHMETIC, **LOGIC}
    return st.one_of(
        st.builds(
            lambda name, one, other: Built(
                table[name](one.expression, other.expression), _binary(name, one.shape, other.shape)
            ),
            st.sampled_from(list(table)), inner, inner,
        ),
        st.builds(lambda one: Built(~one.expression, ("not", one.shape)), inner),
        st.builds(lambda one: Built(-one.expression, ("-", one.shape)), inner),
        st.builds(lambda one: Built(one.expression.is_defined(), ("defined", one.shape)), inner),
        st.builds(lambda one: Built(one.expression.as_number(), ("number", one.shape)), inner),
        st.builds(
            lambda one, values: Built(
                one.expression.in_(*values), ("in", one.shape, ("list", *(_constant(value) for value in values)))
            ),
            inner, st.lists(LITERALS, min_size=1, max_size=3),
        ),
        st.builds(
            lambda one, value: Built(one.expression == value, ("==", one.shape, _literal(value))), inner, LITERALS
        ),
    )  # fmt: skip


@given(st.recursive(fields(), compounds, max_leaves=12))
def test_what_is_built_is_read_back(built: Built) -> None:
    """For every combination of operators and values, the grammar reads the same tree that was built."""
    assert _shape(parse_expression(str(built.expression))) == built.shape


def _binary(name: str, left: Shape, right: Shape) -> Shape:
    """`and` and `or` are associative: how parts were combined is not written."""
    if name not in LOGIC:
        return (name, left, right)
    return (name, *(part for side in (left, right) for part in (side[1:] if side[0] == name else (side,))))


def _constant(value: object) -> object:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _literal(value: object) -> Shape:
    found = _constant(value)
    # A negative number is the unary minus of a positive one.
    if isinstance(found, float) and str(value).startswith("-"):
        return ("-", ("constant", -found))
    return ("constant", found)


def _shape(node: syntax.Node) -> Shape:
    match node:
        case syntax.Constant(value=value):
            return ("constant", value)
        case syntax.Constants(values=values):
            return ("list", *values)
        case syntax.Field(scope=scope, name=name):
            return ("field", scope, name)
        case syntax.Negated(operator=sign, operand=operand):
            return (sign, _shape(operand))
        case syntax.Logic(operator=name, parts=parts):
            shape = _shape(parts[0])
            for part in parts[1:]:
                shape = _binary(name, shape, _shape(part))
            return shape
        case syntax.Comparison(operator=name, left=left, right=right):
            return (name, _shape(left), _shape(right))
        case syntax.Arithmetic(first=first, rest=rest):
            shape = _shape(first)
            for name, operand in rest:
                shape = (name, shape, _shape(operand))
            return shape
        case syntax.Call(name=name, argument=argument):
            return (name, _shape(argument))
