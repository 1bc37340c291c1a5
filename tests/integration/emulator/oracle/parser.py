"""Segmentation expressions as Python functions over properties, parsed by hand.

Operators from the lowest to the highest precedence: or, and, not, comparisons and in, + and -, * and / and %, unary -.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tests.integration.emulator.oracle.values import (
    UNDEFINED,
    Value,
    as_value,
    calculate,
    compare,
    contains,
    equal,
    functions,
    is_true,
    negate,
)

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<name>[A-Za-z_]+)
    |(?P<sign>==|!=|<=|>=|[-+*/%<>()\[\],])
    |(?P<end>$))""",
    re.VERBOSE | re.DOTALL,
)
_EXACT = 2**53
_MAX_DEPTH = 60  # each level takes several Python frames, and Python's recursion limit is 1000


class Scope(NamedTuple):
    """What an expression can refer to: properties (of an event or profile), the user's profile, the event's fields."""

    properties: Mapping[str, Any]
    user: Mapping[str, Any]
    event: Mapping[str, Any]


Expression = Callable[[Scope], Value]


class ExpressionError(ValueError):
    """The text is not a valid expression."""


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


def parse_expression(text: str) -> Expression:
    """Parse a segmentation expression into a function that evaluates it in a scope.

    Raises:
        ExpressionError: The expression is invalid; the message gives the position.
    """
    parser = _Parser(_tokens(text))
    expression = parser.disjunction()
    parser.expect("end")
    return expression


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while not tokens or tokens[-1].kind != "end":
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise ExpressionError(f"unexpected character at {place}")
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        place = match.end()
    return tokens


def _whole(value: Value) -> Value:
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return int(value) if is_whole else value


class _Parser:
    """A recursive descent parser with one method for each level of precedence."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._functions = functions()

    def disjunction(self) -> Expression:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ExpressionError(f"nested more than {_MAX_DEPTH} deep")
        parts = [self._conjunction()]
        while self._take("or"):
            parts.append(self._conjunction())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else lambda scope: any(is_true(part(scope)) for part in parts)

    def expect(self, wanted: str) -> None:
        token = self._tokens[self._next]
        if wanted not in (token.text, token.kind) or token.kind == "text":
            raise ExpressionError(f"expected {wanted!r} at {token.place}, found {token.text!r}")
        self._next += 1

    def _conjunction(self) -> Expression:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda scope: all(is_true(part(scope)) for part in parts)

    def _negation(self) -> Expression:
        negations = 0
        while self._take("not"):
            negations += 1
        inner = self._comparison()
        if negations == 0:
            return inner
        return lambda scope: is_true(inner(scope)) == (negations % 2 == 0)

    def _comparison(self) -> Expression:
        left = self._sum()
        operator = self._take("==", "!=", "<=", ">=", "<", ">", "in")
        if operator is None:
            return left
        right = self._sum()
        match operator:
            case "==":
                return lambda scope: equal(left(scope), right(scope))
            case "!=":
                return lambda scope: not equal(left(scope), right(scope))
            case "in":
                return lambda scope: contains(left(scope), right(scope))
            case _:
                return lambda scope: compare(operator, left(scope), right(scope))

    def _sum(self) -> Expression:
        return self._chain(self._product, "+", "-")

    def _product(self) -> Expression:
        return self._chain(self._unary, "*", "/", "%")

    def _chain(self, operand: Callable[[], Expression], *operators: str) -> Expression:
        first = operand()
        rest: list[tuple[str, Expression]] = []
        while (operator := self._take(*operators)) is not None:
            rest.append((operator, operand()))
        if not rest:
            return first

        def chained(scope: Scope) -> Value:
            value = first(scope)
            for operator, part in rest:
                value = calculate(operator, value, part(scope))
            return value

        return chained

    def _unary(self) -> Expression:
        negations = 0
        while self._take("-"):
            negations += 1
        inner = self._primary()
        if negations == 0:
            return inner
        return lambda scope: negate(inner(scope)) if negations % 2 else negate(negate(inner(scope)))

    def _primary(self) -> Expression:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        match token:
            case _Token("number", text, _):
                number = float(text)
                return lambda _: number
            case _Token("text", text, _):
                plain = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
                return lambda _: plain
            case _Token("sign", "(", _):
                inner = self.disjunction()
                self.expect(")")
                return inner
            case _Token("sign", "[", _):
                return self._list()
            case _Token("name", name, _):
                return self._named(name, token)
        raise ExpressionError(f"expected a value at {token.place}, found {token.text!r}")

    def _named(self, name: str, token: _Token) -> Expression:
        if name in {"true", "false", "null", "undefined"}:
            constant: Value = {"true": True, "false": False, "null": None}.get(name, UNDEFINED)
            return lambda _: constant
        if name in Scope._fields:
            self.expect("[")
            key = self._tokens[self._next]
            if key.kind != "text":
                raise ExpressionError(f"expected a quoted name at {key.place}")
            field = self._primary()
            self.expect("]")
            return lambda scope: as_value(getattr(scope, name).get(field(scope), UNDEFINED))
        function = self._functions.get(name)
        if function is None:
            raise ExpressionError(f"unknown name {name!r} at {token.place}")
        self.expect("(")
        argument = self.disjunction()
        self.expect(")")
        return lambda scope: function(argument(scope))

    def _list(self) -> Expression:
        parts: list[Expression] = []
        while not self._take("]"):
            if parts:
                self.expect(",")
            parts.append(self.disjunction())
        return lambda scope: [_whole(part(scope)) for part in parts]

    def _take(self, *texts: str) -> str | None:
        token = self._tokens[self._next]
        if token.kind not in {"sign", "name"} or token.text not in texts:
            return None
        self._next += 1
        return token.text
