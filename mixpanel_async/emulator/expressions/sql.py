"""Compiles segmentation expressions to SQL.

A value has one of the kinds number, text, boolean, null, list and object, or it is undefined. An expression becomes one
SQL expression for each kind that it can have; each is NULL where the value is of another kind.

Where the reference leaves a case open: undefined equals only undefined; `and`, `or` and `not` treat it as false; `%`
has the sign of its left operand; `round` rounds halves up; numbers are doubles, and one that is not finite is
undefined; lists and objects are equal if their JSON is; times are seconds since 1970, in UTC if they name no offset.
"""

from dataclasses import dataclass, field
from functools import reduce
from typing import Final, NamedTuple, TypeAlias, assert_never

import orjson

from mixpanel_async.emulator.expressions.parser import ExpressionError
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
)

_MAX_SQL: Final = 100_000
_NUMBER: Final = r"^[ \t\r\n]*([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)[ \t\r\n]*$"
_MOMENT: Final = (
    r"^([1-9]\d{3}-\d\d-\d\d(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?)?)"
    r"(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))?$"
)

Sql: TypeAlias = str


class Columns(NamedTuple):
    """The SQL of what an expression can refer to; None for what there is not.

    Attributes:
        properties: JSON of the properties.
        user: JSON of the user's profile.
        fields: Of an event, by name as in `event["$name"]`: SQL and kind ("text" or "number").
        time: Seconds since 1970, for `properties["time"]`.
    """

    properties: Sql
    user: Sql | None = None
    fields: "dict[str, Compiled] | None" = None
    time: Sql | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """The SQL of an expression by kind; None for a kind that it cannot have.

    Attributes:
        number: DOUBLE.
        text: VARCHAR.
        boolean: BOOLEAN.
        null: TRUE where the value is null.
        json: JSON, where the value is a list or an object.
        defined: BOOLEAN and never NULL; None where the other fields tell.
        is_finite: Whether `number` is always finite.
    """

    number: Sql | None = None
    text: Sql | None = None
    boolean: Sql | None = None
    null: Sql | None = None
    json: Sql | None = None
    defined: Sql | None = None
    is_finite: bool = True

    @property
    def finite(self) -> Sql | None:
        """The number, NULL where it is not finite."""
        if self.number is None or self.is_finite:
            return self.number
        return _bounded(f"(CASE WHEN isfinite({self.number}) THEN {self.number} END)")

    def is_defined(self) -> Sql:
        """Return whether the value is defined: a BOOLEAN that is never NULL."""
        if self.defined is not None:
            return self.defined
        kinds = [kind for kind in (self.finite, self.text, self.boolean, self.null, self.json) if kind is not None]
        return "(" + " OR ".join(f"({kind}) IS NOT NULL" for kind in kinds) + ")" if kinds else "FALSE"

    def is_true(self) -> Sql:
        """Return whether the value counts as true: a BOOLEAN that is never NULL."""
        kinds = [self.boolean] if self.boolean is not None else []
        kinds += [f"({self.finite} <> 0)"] if self.number is not None else []
        kinds += [f"({self.text} <> '')"] if self.text is not None else []
        kinds += [f"({self.json} NOT IN ('[]', '{{}}'))"] if self.json is not None else []
        return _coalesce(*kinds, "FALSE")

    def as_text(self) -> Sql | None:
        """Return the value as text; NULL where it is undefined."""
        kinds = [self.text] if self.text is not None else []
        if self.number is not None:
            kinds.append(f"regexp_replace(regexp_replace(CAST({self.finite} AS VARCHAR), '\\.0$', ''), '^-0$', '0')")
        kinds += [f"CAST({self.boolean} AS VARCHAR)"] if self.boolean is not None else []
        kinds += [f"(CASE WHEN {self.null} THEN 'null' END)"] if self.null is not None else []
        kinds += [f"CAST({self.json} AS VARCHAR)"] if self.json is not None else []
        return _coalesce(*kinds) if kinds else None


@dataclass(slots=True)
class _Uses:
    user: bool = False


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles expressions over some columns.

    Args:
        columns: What the expressions can refer to.
    """

    columns: Columns
    _uses: _Uses = field(default_factory=_Uses)

    @property
    def uses_user(self) -> bool:
        """Whether an expression that was compiled refers to the user's profile."""
        return self._uses.user

    def condition(self, node: Node) -> Sql:
        """Return a BOOLEAN that is never NULL: whether the expression is true.

        Raises:
            ExpressionError: The expression is too complicated.
        """
        return self._compile(node).is_true()

    def text(self, node: Node) -> Sql:
        """Return the expression's value as text; NULL where it is undefined.

        Raises:
            ExpressionError: The expression is too complicated.
        """
        return self._compile(node).as_text() or "CAST(NULL AS VARCHAR)"

    def number(self, node: Node) -> Sql:
        """Return the expression's value as a DOUBLE; NULL where it is not a number.

        Raises:
            ExpressionError: The expression is too complicated.
        """
        return self._compile(node).finite or "CAST(NULL AS DOUBLE)"

    def _compile(self, node: Node) -> Compiled:
        match node:
            case Constant(value):
                return _constant(value)
            case Constants(values):
                return Compiled(json=f"{literal(_json(values))}::JSON")
            case Field():
                return self._field(node)
            case Negated("not", operand):
                return Compiled(boolean=f"(NOT {self._compile(operand).is_true()})")
            case Negated(_, operand):
                inner = self._compile(operand)
                if inner.number is None:
                    return Compiled()
                return Compiled(number=f"(-{inner.number})", is_finite=inner.is_finite)
            case Logic(operator, parts):
                joined = f" {operator.upper()} ".join(self._compile(part).is_true() for part in parts)
                return Compiled(boolean=_bounded(f"({joined})"))
            case Comparison():
                return self._comparison(node)
            case Arithmetic(first, rest):
                start = self._compile(first)
                return reduce(lambda left, pair: _calculated(left, pair[0], self._compile(pair[1])), rest, start)
            case Call(name, argument):
                return _called(name, self._compile(argument))
            case _:
                assert_never(node)

    def _field(self, node: Field) -> Compiled:
        if node.scope == "event":
            return (self.columns.fields or {}).get(node.name, Compiled())
        if node.scope == "properties":
            if node.name == "time" and self.columns.time is not None:
                return Compiled(number=self.columns.time)
            return property_of(self.columns.properties, node.name)
        self._uses.user = True
        return Compiled() if self.columns.user is None else property_of(self.columns.user, node.name)

    def _comparison(self, node: Comparison) -> Compiled:
        left = self._compile(node.left)
        match node.operator:
            case "in" if isinstance(node.right, Constants):
                return Compiled(boolean=_bounded(_among(left, node.right.values)))
            case "in":
                return Compiled(boolean=_bounded(_contained(left, self._compile(node.right))))
            case "==":
                return Compiled(boolean=_bounded(_equal(left, self._compile(node.right))))
            case "!=":
                return Compiled(boolean=_bounded(f"(NOT {_equal(left, self._compile(node.right))})"))
            case operator:
                right = self._compile(node.right)
                pairs = [(left.finite, right.finite), (left.text, right.text)]
                ordered = [f"({a} {operator} {b})" for a, b in pairs if a is not None and b is not None]
                return Compiled(boolean=_bounded(_coalesce(*ordered))) if ordered else Compiled()


def literal(text: str) -> Sql:
    """Return a text as an SQL literal; it has no NUL."""
    return "'" + text.replace("'", "''") + "'"


def property_of(document: Sql, name: str) -> Compiled:
    """Return a property of a JSON document.

    Everything is made of one text, the property's JSON, because to find it in the document is what takes the time.
    """
    pointer = literal("/" + name.replace("~", "~0").replace("/", "~1"))
    value = f"json_extract({document}, {pointer})"
    raw = f"CAST({value} AS VARCHAR)"
    return Compiled(
        number=f"TRY_CAST({raw} AS DOUBLE)",  # JSON's other kinds cannot be cast, because text has its quotes
        text=f"(CASE WHEN starts_with({raw}, '\"') THEN json_extract_string({value}, '$') END)",
        boolean=f"(CASE {raw} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)",
        null=f"(CASE WHEN {raw} = 'null' THEN TRUE END)",
        json=f"(CASE WHEN starts_with({raw}, '[') OR starts_with({raw}, '{{') THEN {value} END)",
        defined=f"({value} IS NOT NULL)",
    )


def _constant(value: Scalar) -> Compiled:
    match value:
        case None:
            return Compiled(null="TRUE", defined="TRUE")
        case bool():
            return Compiled(boolean=str(value).upper(), defined="TRUE")
        case str():
            return Compiled(text=literal(value), defined="TRUE")
        case float():
            return Compiled(number=f"CAST({value!r} AS DOUBLE)", defined="TRUE")
        case _:
            return Compiled(defined="FALSE")


def _json(values: tuple[Scalar, ...]) -> str:
    plain = [int(one) if isinstance(one, float) and one.is_integer() and abs(one) < 2**53 else one for one in values]
    return orjson.dumps([None if one is UNDEFINED else one for one in plain]).decode()


def _calculated(left: Compiled, operator: str, right: Compiled) -> Compiled:
    text = number = None
    if operator == "+" and left.text is not None and right.text is not None:
        text = _bounded(f"({left.text} || {right.text})")
    if left.number is not None and right.number is not None:
        match operator:
            case "/":
                number = f"({left.number} / nullif({right.number}, 0))"
            case "%":
                number = f"({left.number} % nullif({right.number}, 0))"
            case _:
                number = f"({left.number} {operator} {right.number})"
        number = _bounded(number)
    is_finite = operator == "%" and left.is_finite and right.is_finite
    return Compiled(number=number, text=text, is_finite=is_finite)


def _equal(left: Compiled, right: Compiled) -> Sql:
    pairs = [(left.finite, right.finite), (left.text, right.text), (left.boolean, right.boolean)]
    same = [f"({a} = {b})" for a, b in pairs if a is not None and b is not None]
    if left.json is not None and right.json is not None:
        same.append(f"(CAST({left.json} AS VARCHAR) = CAST({right.json} AS VARCHAR))")
    if left.null is not None and right.null is not None:
        same.append(f"({left.null} AND {right.null})")
    return _coalesce(*same, f"NOT ({left.is_defined()} OR {right.is_defined()})")


def _among(left: Compiled, values: tuple[Scalar, ...]) -> Sql:
    """Return whether a list of constants has the value; NULL where that is undefined."""
    numbers = [f"CAST({one!r} AS DOUBLE)" for one in values if isinstance(one, float)]
    texts = [literal(one) for one in values if isinstance(one, str)]
    booleans = [str(one).upper() for one in values if isinstance(one, bool)]
    kinds = [(left.finite, numbers), (left.text, texts), (left.boolean, booleans)]
    found = [f"({sql} IN ({', '.join(known)}))" for sql, known in kinds if sql is not None and known]
    if left.null is not None and None in values:
        found.append(left.null)
    return f"(CASE WHEN {left.is_defined()} THEN {_coalesce(*found, 'FALSE')} END)"


def _contained(left: Compiled, right: Compiled) -> Sql:
    """Return whether a text or list contains the value; NULL where that is undefined."""
    found = []
    if left.text is not None and right.text is not None:
        found.append(f"contains({right.text}, {left.text})")
    if right.json is not None:
        members = f"json_extract({right.json}, '$[*]')"
        kinds = []
        if left.number is not None:
            numbers = f"list_transform({members}, lambda one: TRY_CAST(CAST(one AS VARCHAR) AS DOUBLE))"
            kinds.append(f"list_contains({numbers}, {left.finite})")
        if left.text is not None:
            kinds.append(f"list_contains({members}, CAST(to_json({left.text}) AS VARCHAR))")
        if left.boolean is not None:
            kinds.append(f"list_contains({members}, CAST({left.boolean} AS VARCHAR))")
        if left.null is not None:
            kinds.append(f"list_contains({members}, CASE WHEN {left.null} THEN 'null' END)")
        if left.json is not None:
            kinds.append(f"list_contains({members}, CAST({left.json} AS VARCHAR))")
        inside = _coalesce(*kinds, "FALSE")
        found.append(f"(CASE WHEN json_type({right.json}) = 'ARRAY' AND {left.is_defined()} THEN {inside} END)")
    return _coalesce(*found) if found else "CAST(NULL AS BOOLEAN)"


def _called(name: str, value: Compiled) -> Compiled:
    match name:
        case "defined":
            return Compiled(boolean=value.is_defined(), defined="TRUE")
        case "boolean":
            return Compiled(boolean=_bounded(value.is_true()), defined="TRUE")
        case "string":
            return Compiled(text=value.as_text() and _bounded(value.as_text() or ""), defined=value.defined)
        case "number":
            return _as_number(value)
        case "datetime":
            return _as_time(value)
        case _ if value.finite is None:
            return Compiled()
        case "round":
            return Compiled(number=_bounded(f"floor({value.finite} + 0.5)"))
        case _:
            return Compiled(number=_bounded(f"{name}({value.finite})"))


def _as_number(value: Compiled) -> Compiled:
    kinds = [value.finite] if value.finite is not None else []
    if value.boolean is not None:
        kinds.append(f"CAST({value.boolean} AS DOUBLE)")
    if value.text is not None:
        kinds.append(f"TRY_CAST(regexp_extract({value.text}, {literal(_NUMBER)}, 1) AS DOUBLE)")
    return Compiled(number=_bounded(_coalesce(*kinds)), is_finite=value.text is None) if kinds else Compiled()


def _as_time(value: Compiled) -> Compiled:
    kinds = [value.finite] if value.finite is not None else []
    if value.text is not None:

        def part(group: int) -> Sql:
            return f"regexp_extract({value.text}, {literal(_MOMENT)}, {group})"

        moment = f"epoch(TRY_CAST({part(1)} AS TIMESTAMP))"
        hours = f"TRY_CAST({part(2)} || {part(3)} AS INTEGER) * 3600"
        minutes = f"TRY_CAST({part(2)} || {part(4)} AS INTEGER) * 60"
        kinds.append(f"({moment} - coalesce({hours} + {minutes}, 0))")
    return Compiled(number=_bounded(_coalesce(*kinds))) if kinds else Compiled()


def _coalesce(*parts: Sql) -> Sql:
    return parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"


def _bounded(sql: Sql) -> Sql:
    if len(sql) > _MAX_SQL:
        raise ExpressionError("it is too complicated; simplify it")
    return sql
