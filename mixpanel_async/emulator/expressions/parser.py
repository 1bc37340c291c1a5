"""The grammar of segmentation expressions, and its parser.

The parser is bounded: the length of the text, the depth of nesting and the number of operands of one chain.
"""

import math
import re
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol, cast

from mixpanel_async.emulator.expressions.syntax import (
    UNDEFINED,
    Arithmetic,
    Call,
    Comparison,
    Constant,
    Constants,
    Field,
    Logic,
    Negated,
    Node,
    Scalar,
    ScopeName,
)
from mixpanel_async.errors import MissingExtraError

if TYPE_CHECKING:
    from lark import Token

MAX_LENGTH: Final = 20_000
_MAX_DEPTH: Final = 40
_MAX_OPERANDS: Final = 200  # of one chain of arithmetic; DuckDB nests each in the one before
_FUNCTIONS: Final = frozenset({"boolean", "ceil", "datetime", "defined", "floor", "number", "round", "string"})

# From the lowest to the highest precedence: or, and, not, comparisons and in, + and -, * and / and %, unary -.
_GRAMMAR: Final = r"""
    ?start: disjunction
    ?disjunction: conjunction ("or" conjunction)*
    ?conjunction: negation ("and" negation)*
    ?negation: "not" negation -> inverse
             | comparison
    ?comparison: sum ((EQUALITY | ORDER | IN) sum)?
    ?sum: product ((PLUS | MINUS) product)*
    ?product: unary (FACTOR unary)*
    ?unary: MINUS unary -> minus
          | primary
    ?primary: constant
            | SCOPE "[" TEXT "]" -> field
            | NAME "(" disjunction ")" -> call
            | "[" [item ("," item)*] "]" -> constants
            | "(" disjunction ")"
    item: constant
        | MINUS NUMBER -> negative
    ?constant: NUMBER -> number
             | TEXT -> text
             | WORD -> word
    EQUALITY: "==" | "!="
    ORDER: "<=" | ">=" | "<" | ">"
    IN.2: /in(?![A-Za-z_])/
    PLUS: "+"
    MINUS: "-"
    FACTOR: "*" | "/" | "%"
    SCOPE.2: /(properties|user|event)(?![A-Za-z_])/
    WORD.2: /(true|false|null|undefined)(?![A-Za-z_])/
    NAME: /[A-Za-z_]+/
    NUMBER: /(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?/
    TEXT: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
    %ignore /[ \t\r\n]+/
"""


class ExpressionError(ValueError):
    """The text is not a valid expression."""


def parse_expression(text: str) -> Node:
    """Parse a segmentation expression.

    Raises:
        ExpressionError: The expression is invalid or too large; the message says where.
        MissingExtraError: lark is not installed.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"it is longer than {MAX_LENGTH:,} characters; shorten it")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ExpressionError("it contains a character that text cannot have; remove it")
    parser = _parser()
    from lark import exceptions

    try:
        return cast("Node", parser.parse(text))
    except exceptions.UnexpectedToken as error:
        place = len(text) if error.token.type == "$END" else error.token.start_pos
        found = "end" if error.token.type == "$END" else repr(str(error.token))
        raise ExpressionError(f"unexpected {found} at character {place}") from error
    except exceptions.UnexpectedCharacters as error:
        raise ExpressionError(f"unexpected {error.char!r} at character {error.pos_in_stream}") from error


class _Parser(Protocol):
    def parse(self, text: str) -> object: ...


@cache
def _parser() -> _Parser:
    try:
        from lark import Lark
    except ImportError as error:
        raise MissingExtraError("emulator", "queries of the local server") from error
    # The callbacks run while the text is parsed, so that nothing recurses over a deep tree.
    parser: Lark = Lark(_GRAMMAR, parser="lalr", transformer=_NodeBuilder(), maybe_placeholders=False)
    return parser


class _NodeBuilder:
    """One method for each rule of the grammar; it gets the list of what the rule's parts became."""

    def disjunction(self, parts: list[Node]) -> Node:
        return Logic("or", tuple(parts), _deeper(*parts))

    def conjunction(self, parts: list[Node]) -> Node:
        return Logic("and", tuple(parts), _deeper(*parts))

    def inverse(self, parts: list[Node]) -> Node:
        return Negated("not", parts[0], _deeper(parts[0]))

    def minus(self, parts: "tuple[Token, Node]") -> Node:
        return Negated("-", parts[1], _deeper(parts[1]))

    def comparison(self, parts: "tuple[Node, Token, Node]") -> Node:
        left, operator, right = parts
        return Comparison(str(operator), left, right, _deeper(left, right))

    def sum(self, parts: "list[Node | Token]") -> Node:
        return _chain(parts)

    def product(self, parts: "list[Node | Token]") -> Node:
        return _chain(parts)

    def number(self, tokens: "list[Token]") -> Node:
        return Constant(_finite(tokens[0]))

    def text(self, tokens: "list[Token]") -> Node:
        return Constant(_plain(tokens[0]))

    def word(self, tokens: "list[Token]") -> Node:
        return Constant({"true": True, "false": False, "null": None}.get(str(tokens[0]), UNDEFINED))

    def field(self, tokens: "tuple[Token, Token]") -> Node:
        scope, name = tokens
        return Field(cast("ScopeName", str(scope)), _plain(name))

    def call(self, parts: "tuple[Token, Node]") -> Node:
        name, argument = parts
        if str(name) not in _FUNCTIONS:
            raise ExpressionError(f"unknown function {str(name)!r} at character {name.start_pos}")
        return Call(str(name), argument, _deeper(argument))

    def item(self, constants: list[Constant]) -> Scalar:
        return constants[0].value

    def negative(self, tokens: "list[Token]") -> Scalar:
        return -_finite(tokens[1])

    def constants(self, values: list[Scalar]) -> Node:
        return Constants(tuple(values))


def _chain(parts: "list[Node | Token]") -> Node:
    if len(parts) > 2 * _MAX_OPERANDS:
        raise ExpressionError(f"more than {_MAX_OPERANDS} operands in one sum or product; shorten it")
    first, *operands = cast("list[Node]", parts[::2])
    pairs = tuple((str(operator), operand) for operator, operand in zip(parts[1::2], operands, strict=True))
    return Arithmetic(first, pairs, _deeper(first, *operands))


def _deeper(*parts: Node) -> int:
    depth = 1 + max(part.depth for part in parts)
    if depth > _MAX_DEPTH:
        raise ExpressionError(f"nested more than {_MAX_DEPTH} deep; simplify it")
    return depth


def _finite(token: "Token") -> float:
    number = float(token)
    if number == math.inf:
        raise ExpressionError(f"the number at character {token.start_pos} is too large")
    return number


def _plain(token: "Token") -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)
