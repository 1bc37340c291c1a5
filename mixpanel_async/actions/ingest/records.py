"""The records of one request: read in every form that Mixpanel's documents show, and encoded."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias, cast

import msgspec

from mixpanel_async import limits
from mixpanel_async.errors import InvalidArgumentError, InvalidRecordError, MissingCredentialsError
from mixpanel_async.records.json_writer import encode_json
from mixpanel_async.records.tokens import TokenRule
from mixpanel_async.records.values import ValueConverter

IngestRecord: TypeAlias = Mapping[str, object]
IngestRecords: TypeAlias = IngestRecord | Iterable[IngestRecord] | str | bytes
# Returns a record as it is sent, and whether its token was replaced.
Prepare: TypeAlias = Callable[[IngestRecord], tuple[IngestRecord, bool]]
_EVENT_FIELDS: Final = frozenset({"event", "properties"})


class EncodedBody(msgspec.Struct, frozen=True):
    """The records of a request.

    Attributes:
        body: A JSON array.
        records: Number of records.
        replaced: Number of records whose token was replaced.
    """

    body: bytes
    records: int
    replaced: int

    def __repr__(self) -> str:
        return f"EncodedBody({len(self.body):,} bytes, {self.records:,} records)"  # it may hold tokens


def read_records(name: str, given: IngestRecords) -> list[IngestRecord]:
    """Return records from one, several, `{"data": ...}`, or the JSON text of any of these.

    Args:
        name: Name of the argument, for the error.
        given: The records.

    Raises:
        InvalidArgumentError: There are no records, too many, or values that are not records.
    """
    found: object = given
    if isinstance(found, str | bytes | bytearray):
        try:
            found = msgspec.json.decode(found)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise InvalidArgumentError(f"{name} is invalid: the text is not JSON ({error}); give a list") from None
    if isinstance(found, Mapping) and found.keys() == {"data"}:
        found = found["data"]
    if isinstance(found, Mapping):
        found = [found]
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise InvalidArgumentError(f"{name} is invalid: it is a {type(found).__name__}; give a list of objects")
    records = list(cast("Iterable[object]", found))
    if not 1 <= len(records) <= limits.MAX_BATCH_RECORDS:
        raise InvalidArgumentError(
            f"{name} is invalid: it has {len(records):,} entries; give 1 to {limits.MAX_BATCH_RECORDS:,}"
        )
    for index, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise InvalidRecordError(f"must be an object, not {type(record).__name__}", field=f"{name}[{index}]")
    return cast("list[IngestRecord]", records)


def encode_records(name: str, given: IngestRecords, prepare: Prepare, values: ValueConverter) -> EncodedBody:
    """Return records as the body of a request.

    Args:
        name: Name of the argument, for errors.
        given: The records.
        prepare: Checks a record and gives it its token.
        values: Converts what JSON does not have.

    Raises:
        InvalidArgumentError: The records are not a list, too many, or together too large.
        InvalidRecordError: A record is invalid; the error names it.
        MissingCredentialsError: A record has no token, and the client has none.
    """
    parts: list[bytes] = []
    replaced = 0
    for index, record in enumerate(read_records(name, given)):
        where = f"{name}[{index}]"
        try:
            prepared, is_replaced = prepare(record)
            parts.append(encode_json(dict(prepared), "record", values))
        except InvalidRecordError as error:
            inner = error.field.removeprefix("record").lstrip(".")
            raise InvalidRecordError(error.message, field=f"{where}.{inner}" if inner else where) from None
        except MissingCredentialsError as error:
            raise MissingCredentialsError(f"{where}: {error}") from None
        replaced += is_replaced
    body = b"[" + b",".join(parts) + b"]"
    if len(body) > limits.MAX_BATCH_BYTES:
        raise InvalidArgumentError(
            f"{name} is invalid: {len(body):,} bytes of JSON, {limits.MAX_BATCH_BYTES:,} are allowed; send fewer"
        )
    return EncodedBody(body, len(parts), replaced)


def event_preparer(tokens: TokenRule, *, needs_token: bool) -> Prepare:
    """Return a function that checks the form of an event and gives it its token.

    Args:
        tokens: The client's token, and what becomes of the event's own.
        needs_token: Whether the endpoint needs a token in each event.
    """

    def prepare(event: IngestRecord) -> tuple[IngestRecord, bool]:
        properties = event.get("properties")
        if not isinstance(event.get("event"), str) or not event["event"]:
            raise InvalidRecordError("must be the name of the event", field="event")
        if not isinstance(properties, Mapping):
            raise InvalidRecordError("must be an object", field="properties")
        unknown = sorted(map(str, event.keys() - _EVENT_FIELDS))
        if unknown:
            raise InvalidRecordError("unknown field; put it into properties", field=unknown[0])
        token, is_replaced = _token_of(tokens, properties.get("token"), needs_token=needs_token)
        if token is None or token == properties.get("token"):
            is_left_out = token is None and "token" in properties
            own = {n: v for n, v in properties.items() if n != "token"} if is_left_out else properties
        else:
            own = {"token": token, **{n: v for n, v in properties.items() if n != "token"}}
        return {"event": event["event"], "properties": own}, is_replaced

    return prepare


def update_preparer(tokens: TokenRule) -> Prepare:
    """Return a function that gives an update of a profile its token."""

    def prepare(update: IngestRecord) -> tuple[IngestRecord, bool]:
        token, is_replaced = _token_of(tokens, update.get("$token"), needs_token=True)
        return {"$token": token, **{n: v for n, v in update.items() if n != "$token"}}, is_replaced

    return prepare


def _token_of(tokens: TokenRule, found: object, *, needs_token: bool) -> tuple[str | None, bool]:
    if not needs_token and (found is None or found == ""):
        return None, False
    if needs_token and tokens.own is None:  # without a token of the client, the record must name its project
        if not isinstance(found, str) or not found:
            raise MissingCredentialsError("it needs the project token: in the record, the call or the client")
        return found, False
    return tokens.apply(found)
