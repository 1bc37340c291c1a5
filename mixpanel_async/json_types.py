"""The types of JSON values: what is decoded, and what properties may hold."""

import datetime as dt
import enum
import os
import uuid
from collections import UserString
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any, ClassVar, Protocol, TypeAlias

import msgspec

JSONValue: TypeAlias = Any  # decoded JSON: as in json.loads, only its reader knows what it holds


class TypedDictLike(Protocol):
    """A TypedDict; to type checkers it is not a Mapping of anything narrower than object."""

    __required_keys__: ClassVar[frozenset[str]]

    def __getitem__(self, name: str, /) -> Any: ...  # noqa: ANN401 - the types of its values are not known
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def keys(self) -> KeysView[str]:
        """Return the names."""

    def values(self) -> ValuesView[Any]:
        """Return the values."""

    def items(self) -> ItemsView[str, Any]:
        """Return the names with their values."""


class DataclassLike(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class AttrsLike(Protocol):
    """An instance of an attrs class."""

    __attrs_attrs__: ClassVar[Any]


class PydanticLike(Protocol):
    """A pydantic model."""

    def model_dump(self) -> dict[str, Any]:
        """Return the fields of the model."""


class ArrayLike(Protocol):
    """A scalar or an array of numpy, a column of pandas, an array of Python."""

    def tolist(self) -> Any:  # noqa: ANN401 - as numpy declares it
        """Return the elements as Python objects."""


class ColumnLike(Protocol):
    """A column of polars."""

    def to_list(self) -> list[Any]:
        """Return the elements as Python objects."""


IPValue: TypeAlias = IPv4Address | IPv4Interface | IPv4Network | IPv6Address | IPv6Interface | IPv6Network

# The value of a property: a JSON value, or one of a type that is converted to JSON. A key of an inner mapping may be
# anything that has a text. `Settings.default` converts other types as well; type checkers need a `cast` for those.
PropertyValue: TypeAlias = (
    bool
    | int
    | float
    | str
    | bytes
    | bytearray
    | memoryview
    | UserString
    | Decimal
    | uuid.UUID
    | enum.Enum
    | dt.date
    | dt.time
    | dt.timedelta
    | os.PathLike[str]
    | IPValue
    | Mapping[Any, "PropertyValue"]
    | Sequence["PropertyValue"]
    | AbstractSet["PropertyValue"]
    | ValuesView["PropertyValue"]
    | TypedDictLike
    | msgspec.Struct
    | DataclassLike
    | AttrsLike
    | PydanticLike
    | ArrayLike
    | ColumnLike
    | None
)

# The properties of an event, a user profile or a group profile, by name.
Properties: TypeAlias = Mapping[str, PropertyValue] | TypedDictLike
