"""The parts of a parsed segmentation expression."""

import enum
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias


class Undefined(enum.Enum):
    """The type of a missing property's value."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED
Scalar: TypeAlias = float | str | bool | Undefined | None
ScopeName: TypeAlias = Literal["properties", "user", "event"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, boolean, null or undefined."""

    value: Scalar
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Constants:
    """A list of constants."""

    values: tuple[Scalar, ...]
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Field:
    """A property of the event, of the user's profile, or a field of the event itself."""

    scope: ScopeName
    name: str
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Negated:
    """`not` or the unary minus."""

    operator: str
    operand: "Node"
    depth: int


@dataclass(frozen=True, slots=True)
class Logic:
    """Two or more parts that are joined by `and` or by `or`."""

    operator: str
    parts: tuple["Node", ...]
    depth: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`==`, `!=`, `<`, `<=`, `>`, `>=` or `in`."""

    operator: str
    left: "Node"
    right: "Node"
    depth: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A first operand, then operators with their right operands, from left to right."""

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]
    depth: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function of one argument."""

    name: str
    argument: "Node"
    depth: int


Node: TypeAlias = Constant | Constants | Field | Negated | Logic | Comparison | Arithmetic | Call
