"""The one rule for a record that carries a project token of its own: replaced, rejected or kept; never silently."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import orjson

from mixpanel_async.config import ForeignToken
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.redaction import MIN_SECRET_CHARACTERS, REDACTED

FOREIGN_TOKEN: Final = "foreign_token"  # noqa: S105 - the name of the change in reports and of the setting
REPLACED: Final = "the record's own project token was replaced by the client's"
_REJECTED: Final = 'is not the token of this client; leave it out, or set foreign_token to "replace"'
_NOT_KEPT: Final = (
    "is not the token of this client, and /import delivers to the project of the credential; "
    'send the event with track(), or set foreign_token to "replace"'
)
_NO_TOKEN: Final = "must be a project token; put one there, or leave it out"  # noqa: S105 - a message
_BACKSLASH: Final = ord("\\")
# A token that its name gives away, whatever is wrong around it: "token": "...", 'token': '...', \"token\": \"...\",
# pairs, and names with escaped letters. A bounded number of backslashes keeps the search linear.
_LETTERS: Final = rb"".join(rb"(?:%c|\\{1,3}u00%02x)" % (letter, letter) for letter in b"token")
_NAMED: Final = re.compile(
    rb"(?P<head>(?P<quote>\\{0,3}[\"'])(?:\$|\\{1,3}u0024)?(?i:"
    + _LETTERS
    + rb")(?P=quote)\s*[:,]\s*[\[(]?\s*(?P=quote))"
    rb"(?P<token>(?:(?!(?P=quote))(?:\\.|[^\\]))*)",
    re.DOTALL,
)


class ForeignTokenError(InvalidRecordError):
    """A record carries a token that is not the client's.

    Attributes:
        token: The record's token; never shown.
    """

    def __init__(self, token: object, field: str) -> None:
        super().__init__(_REJECTED, field=field)
        self.token = token


def is_foreign(token: object, own: str | None) -> bool:
    """Return whether a record's token is another one than the client's; None and "" are no token."""
    return token is not None and token != "" and token != own  # noqa: PLR1714 - it may be unhashable


class TokenRule:
    """What becomes of the own tokens of the records of one endpoint.

    Args:
        policy: What `Settings.foreign_token` or the option of a job says.
        own: The client's token; None: it has none, and every token is foreign.
        field: Name of the token in errors.
        takes_tokens: Whether the endpoint delivers each record to the project of its token.
    """

    def __init__(self, policy: ForeignToken, own: str | None, *, field: str, takes_tokens: bool) -> None:
        self._policy = policy
        self.own = own
        self._field = field
        self._takes_tokens = takes_tokens

    def apply(self, token: object) -> tuple[str | None, bool]:
        """Return the token that a record is sent with (None: without one), and whether it replaces a foreign one.

        Raises:
            InvalidRecordError: The policy rejects the record.
        """
        if not is_foreign(token, self.own):
            return self.own, False
        if self._policy == "reject":
            raise ForeignTokenError(token, self._field)
        if self._policy == "replace":
            return self.own, True
        if not self._takes_tokens:
            raise InvalidRecordError(_NOT_KEPT, field=self._field)
        if not isinstance(token, str) or token == REDACTED:
            raise InvalidRecordError(_NO_TOKEN, field=self._field)
        return token, False

    def apply_to_event(self, event: Mapping[str, object]) -> tuple[Mapping[str, object], bool]:
        """Return an event as it is sent, and whether its token was replaced.

        Raises:
            InvalidRecordError: The policy rejects the event.
        """
        properties = event.get("properties")
        if not isinstance(properties, Mapping) or "token" not in properties:
            return event, False
        token, is_replaced = self.apply(properties["token"])
        return ({**event, "properties": _with_token(properties, token)} if is_replaced else event), is_replaced

    def is_other_hidden(self, line: bytes) -> bool:
        """Return whether an event's JSON names several tokens, one of which must be replaced.

        Raises:
            InvalidRecordError: The policy rejects the event.
        """
        for name, value in json.loads(line, object_pairs_hook=tuple):
            if name == "properties" and isinstance(value, tuple):  # an object
                found = [self.apply(token)[1] for own, token in value if own == "token"]
                if any(found):
                    return True
        return False

    def replace_in_line(self, line: bytes) -> bytes:
        """Return an event's JSON with the client's token in place of its own; every other value keeps its bytes."""
        record = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        properties = msgspec.json.decode(record["properties"], type=dict[str, msgspec.Raw])
        token = None if self.own is None else msgspec.Raw(orjson.dumps(self.own))
        record["properties"] = msgspec.Raw(msgspec.json.encode(_with_token(properties, token)))
        return msgspec.json.encode(record)


def _with_token(properties: Mapping[str, object], token: object) -> dict[str, object]:
    others = {name: value for name, value in properties.items() if name != "token"}
    return others if token is None else {"token": token, **others}


def without_tokens(own: str | None, *, is_update: bool = False) -> Callable[[bytes], bytes]:
    """Return a function that takes the tokens out of a record before it is written to a file.

    The client's own token is left out: sending the record again adds it. In place of a foreign one stays a mark, so
    that sending the record again does not move it to another project silently.

    Args:
        own: The client's token, or None.
        is_update: Whether the records are updates of profiles; else events, or rows that become events.
    """
    name = "$token" if is_update else "token"

    def redact(record: bytes) -> bytes:
        if not record.lstrip().startswith(b"{"):  # the row of a table, for example, does not name its columns
            return _without_text(record, own)
        if b"oken" not in record and _BACKSLASH not in record:
            return record
        try:
            decoded = orjson.loads(record)
        except orjson.JSONDecodeError:
            return _without_text(record, own)
        inner = decoded.get("properties")
        if decoded.keys() == {"data"} or not (is_update or inner is None or isinstance(inner, dict)):
            return _without_text(record, own)
        is_inner = not is_update and isinstance(inner, dict) and name in inner
        return _redacted(record, name, own, is_inner=is_inner) if name in decoded or is_inner else record

    return redact


def named_tokens(record: bytes) -> set[str]:
    """Return the tokens that a record names, wherever they are in it."""
    if b"oken" not in record and _BACKSLASH not in record:
        return set()
    return {found["token"].decode("utf-8", "replace") for found in _NAMED.finditer(record)}


def _without_text(record: bytes, own: str | None) -> bytes:
    """Remove tokens from text that is not a record: those with a name, and the client's own everywhere."""
    if b"oken" in record or _BACKSLASH in record:
        record = _NAMED.sub(rb"\g<head>" + REDACTED.encode(), record)
    if own is None or len(own) < MIN_SECRET_CHARACTERS:
        return record
    return record.replace(own.encode("utf-8", "surrogatepass"), REDACTED.encode())


def _redacted(record: bytes, name: str, own: str | None, *, is_inner: bool) -> bytes:
    fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    _hide(fields, name, own)
    if is_inner:
        properties = msgspec.json.decode(fields["properties"], type=dict[str, msgspec.Raw])
        _hide(properties, name, own)
        fields["properties"] = msgspec.Raw(msgspec.json.encode(properties))
    return msgspec.json.encode(fields)


def _hide(fields: dict[str, msgspec.Raw], name: str, own: str | None) -> None:
    if name not in fields:
        return
    if is_foreign(msgspec.json.decode(fields[name]), own):
        fields[name] = msgspec.Raw(msgspec.json.encode(REDACTED))
    else:
        del fields[name]
