"""Values of programs in records: what each one is sent as, and what is refused."""

import collections
import dataclasses
import datetime as dt
import enum
import ipaddress
import pathlib
import types
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

import attr
import msgspec
import numpy as np
import orjson
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async import Settings
from mixpanel_async.errors import CannotEncodeError, InvalidRecordError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.records.encoder import EventEncoder
from mixpanel_async.records.updates import GROUP_OPERATIONS, PROFILE_OPERATIONS, encode_update
from mixpanel_async.records.values import ValueConverter

NOW = 1_750_000_000.0
DAY = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


class Color(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Number(enum.IntEnum):
    ONE = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Data:
    price: Decimal
    _private: int = 0


@attr.s(auto_attribs=True)
class Attrs:
    price: Decimal


class Model(pydantic.BaseModel):
    price: Decimal


class Packed(msgspec.Struct):
    price: Decimal


class LazyString:
    """Stands for text that is translated when it is shown, which is not a str."""

    def __str__(self) -> str:
        return "Anmelden"


class Proxy:
    """Stands for another object, also for isinstance(), as the lazy objects of web frameworks do."""

    def __init__(self, value: object) -> None:
        self._value = value

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._value)

    def __str__(self) -> str:
        return str(self._value)

    def __int__(self) -> int:
        return int(self._value)  # type: ignore[call-overload, no-any-return]

    def __float__(self) -> float:
        return float(self._value)  # type: ignore[arg-type]


class MyText(str):
    __slots__ = ()


class MyFloat(float):
    pass


CASES: list[tuple[Any, Any]] = [
    (Decimal("19.99"), 19.99),
    (Decimal(7), 7),
    (Decimal("1E+3"), 1000),
    (Decimal("1E+30"), 1e30),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset({"a"}), ["a"]),
    (collections.deque([1, 2]), [1, 2]),
    ({"a": 1}.keys(), ["a"]),
    ({"a": 1}.values(), [1]),
    ({"a": 1}.items(), [["a", 1]]),
    (range(3), [0, 1, 2]),
    (Point(1, 2), [1, 2]),
    (types.MappingProxyType({"a": {1}}), {"a": [1]}),
    (collections.defaultdict(int, a=1), {"a": 1}),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (np.datetime64("2024-01-02T03:04:05.123456789"), "2024-01-02T03:04:05.123456789"),
    (np.datetime64(-1, "ns"), "1969-12-31T23:59:59.999999999"),
    (np.datetime64("12024-01-02"), "12024-01-02"),
    (np.timedelta64(1, "ns"), 1e-9),
    (np.array([1, "NaT"], "M8[ns]"), ["1970-01-01T00:00:00.000000001", None]),
    (np.array([1000, "NaT"], "M8[ns]"), ["1970-01-01T00:00:00.000001", None]),
    (np.array([[1]], "m8[ns]"), [[1e-9]]),
    (dt.timedelta(minutes=1.5), 90.0),
    (DAY, "2024-01-02T03:04:05+00:00"),
    (DAY.date(), "2024-01-02"),
    (DAY.timetz(), "03:04:05+00:00"),
    (b"caf\xc3\xa9", "café"),
    (bytearray(b"a"), "a"),
    (pathlib.PurePosixPath("/a/b"), "/a/b"),
    (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
    (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (LazyString(), "Anmelden"),
    (MyText("a"), "a"),
    (Proxy("a"), "a"),
    (Proxy(5), 5),
    (Proxy(1.5), 1.5),
    (collections.UserString("a"), "a"),
    (MyFloat(1.5), 1.5),
    (Color.RED, "red"),
    (Color.PAIR, [1, 2]),
    (Number.ONE, 1),
    (Data(Decimal("1.5")), {"price": 1.5}),
    (Attrs(Decimal("1.5")), {"price": 1.5}),
    (Model(price=Decimal("1.5")), {"price": 1.5}),
    (Packed(Decimal("1.5")), {"price": 1.5}),
    (
        {2: "a", None: "b", True: "c", 1.5: "d", Color.RED: "e"},
        {"2": "a", "null": "b", "true": "c", "1.5": "d", "red": "e"},
    ),
    ({uuid.UUID(int=1): 1}, {"00000000-0000-0000-0000-000000000001": 1}),
    ({DAY.date(): 1}, {"2024-01-02": 1}),
    (np.float64(1.5), 1.5),
    (np.float32(0.5), 0.5),
    (np.longdouble(0.5), 0.5),
    (np.int64(7), 7),
    (np.uint8(7), 7),
    (np.bool_(True), True),
    (np.str_("a"), "a"),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.datetime64("NaT", "s"), None),
    (np.timedelta64(1500, "ms"), 1.5),
    ({np.int64(5): 1}, {"5": 1}),
    (pd.Timestamp("2024-01-02T03:04:05Z"), "2024-01-02T03:04:05+00:00"),
    (pd.Timestamp("2024-01-02T03:04:05.123456789"), "2024-01-02T03:04:05.123456789"),
    (pd.NaT, None),
    (pd.NA, None),
    (pd.Timedelta(seconds=2), 2.0),
    (pd.Series([1, 2]), [1, 2]),
    (pd.Index(["a"]), ["a"]),
    ("cut \ud83d", "cut \ufffd"),
    ("\ud83d\ude00 whole", "😀 whole"),
    ({"k\udfff": "v"}, {"k\ufffd": "v"}),
]


@pytest.mark.parametrize(("value", "sent"), CASES, ids=lambda value: f"{type(value).__name__} {value!r}"[:40])
def test_values_of_programs(value: JSONValue, sent: object) -> None:
    """A value that programs have is sent as the JSON that says the same, alone and inside other values."""
    properties = {"a": value, "b": [{"c": value}], "plain": 1}
    part, _ = EventEncoder(token="tok", max_bytes=1_000_000).encode("E", "u", properties, NOW)
    decoded = orjson.loads(part)["properties"]
    assert (decoded["a"], decoded["b"], decoded["plain"]) == (sent, [{"c": sent}], 1)
    update = encode_update({"$set": {"a": value}}, PROFILE_OPERATIONS, 1_000_000, ValueConverter())
    assert orjson.loads(update)["$set"] == {"a": sent}


@pytest.mark.parametrize(
    "time",
    [
        Decimal("1749999999.5"),
        np.float64(1749999999.5),
        np.int64(1749999999500),
        pd.Timestamp(1749999999500, unit="ms", tz="UTC"),
    ],
)
def test_times_and_ids_of_programs(time: object) -> None:
    """A number of another type is a time, a UUID is an id, and so is a whole number of numpy."""
    encoder, insert_id = EventEncoder(token="tok", max_bytes=1_000_000), uuid.uuid4()
    for user in (uuid.UUID(int=1), np.int64(7), Proxy("ann")):
        part, _ = encoder.encode("E", user, {"$insert_id": insert_id}, NOW, time)  # type: ignore[arg-type]
        sent = orjson.loads(part)["properties"]
        assert (sent["time"], sent["distinct_id"], sent["$insert_id"]) == (1749999999500, str(user), str(insert_id))


@pytest.mark.parametrize(
    ("update", "sent"),
    [
        ({"$add": {"n": Decimal(1)}}, {"$add": {"n": 1}}),
        ({"$add": {"n": np.int64(5)}}, {"$add": {"n": 5}}),
        ({"$union": {"tags": {"a"}}}, {"$union": {"tags": ["a"]}}),
        ({"$union": {"tags": {"a": 1}.keys()}}, {"$union": {"tags": ["a"]}}),
        ({"$union": {"tags": np.array([1, 2])}}, {"$union": {"tags": [1, 2]}}),
        ({"$unset": {"plan"}}, {"$unset": ["plan"]}),
    ],
)
def test_operations_take_values_of_programs(update: dict[str, object], sent: dict[str, object]) -> None:
    """A number of another type can be added, and any collection is a list of values."""
    assert orjson.loads(encode_update(update, PROFILE_OPERATIONS, 1_000_000, ValueConverter())) == sent


@pytest.mark.parametrize("update", [{"$add": {"n": "5"}}, {"$union": {"n": "a"}}, {"$unset": "plan"}, {"$add": 1}])
def test_operations_refuse_other_values(update: dict[str, object]) -> None:
    """A text is not a number and not a list, whatever is converted."""
    with pytest.raises(InvalidRecordError):
        encode_update(update, PROFILE_OPERATIONS | GROUP_OPERATIONS, 1_000_000, ValueConverter())


@pytest.mark.parametrize(
    "value",
    [np.float64("nan"), Decimal("Infinity"), np.array([1.0, np.inf]), pd.DataFrame({"a": [1]}), object(), {"a": 2**64}],
)
def test_what_json_cannot_say_names_its_field(value: object) -> None:
    """NaN, numbers beyond 64 bits and objects of unknown types are errors that name the field, inside a list, too."""
    with pytest.raises(CannotEncodeError) as caught:
        ValueConverter().convert({"list": [0, {"deep": value}]}, "properties")
    assert caught.value.field is not None
    assert caught.value.field.startswith("properties.list[1].deep")


@pytest.mark.parametrize("value", [range(10**8), range(10**30), np.zeros(10**6), set(range(10**5))], ids=type)
def test_huge_collections_are_refused_at_once(value: object) -> None:
    """A collection with too many elements is an error before any of them is looked at: the loop does not wait."""
    with pytest.raises(CannotEncodeError, match="more than 20,000 elements"):
        ValueConverter().convert({"a": value}, "properties")


def test_a_key_cannot_take_the_place_of_a_field_of_the_event() -> None:
    """A member of an enum whose text is "token" does not move the event to another project."""

    class Key(enum.Enum):
        TOKEN = "token"

    with pytest.raises(InvalidRecordError) as caught:
        EventEncoder(token="tok", max_bytes=1_000_000).encode("E", "u", {Key.TOKEN: "other"}, NOW)  # type: ignore[dict-item]
    assert caught.value.field == "properties.token"


def test_the_hook_of_the_settings() -> None:
    """`Settings.default` converts what the library does not know; an error of it names the field and its cause."""

    class Money:
        cents = 5

    def default(value: object) -> object:
        if isinstance(value, Money):
            return {"cents": Decimal(value.cents)}
        raise TypeError("no")

    values = ValueConverter.of(Settings(default=default))
    assert values.convert([Money()], "a") == [{"cents": 5}]
    with pytest.raises(CannotEncodeError, match=r"object cannot be written as JSON: .*TypeError: no") as caught:
        values.convert({"x": object()}, "a")
    assert caught.value.field == "a.x"
    endless = ValueConverter(lambda value: [value])
    with pytest.raises(CannotEncodeError, match="nested"):
        endless.convert(object(), "a")


def test_decimals_with_many_digits() -> None:
    """A decimal number that a JSON number would round is rejected, or sent as text if the settings say so."""
    value = Decimal("0.1234567890123456789")
    with pytest.raises(CannotEncodeError, match="inexact_decimals"):
        ValueConverter().convert(value, "a")
    assert ValueConverter.of(Settings(inexact_decimals="text")).convert(value, "a") == str(value)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_no_decimal_is_rounded(value: Decimal) -> None:
    """What is sent as a number has the digits of the decimal number."""
    sent = ValueConverter(is_inexact_text=True).convert(value, "a")
    assert isinstance(sent, int | float | str)
    assert Decimal(orjson.dumps(sent).decode().strip('"')) == value


@given(st.text(st.characters(categories=["Cs", "Lu"])))
def test_repaired_text_is_text(text: str) -> None:
    """A text with any surrogates becomes one that UTF-8 has, with everything else unchanged; repairs are counted."""
    values = ValueConverter()
    repaired = values.repair(text)
    repaired.encode()
    assert values.repaired_texts == (repaired != text)
