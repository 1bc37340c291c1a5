"""The query and the body of a raw request, from the options that describe them."""

from collections.abc import Mapping

import msgspec

from mixpanel_async.actions._core.multipart import FileValue, encode_multipart
from mixpanel_async.actions._core.params import FieldValue, form_body, json_text
from mixpanel_async.actions._core.resource import FORM, JSON
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.json_types import JSONValue


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The query and the body of a raw request.

    Attributes:
        query: Query parameters.
        json: A value to encode as JSON; msgspec.UNSET: none.
        data: Bytes or text to send unchanged.
        form: Fields of a form.
        files: Files of a form.
        is_multipart: Whether to send the form as `multipart/form-data` even without files.
    """

    query: Mapping[str, FieldValue] = {}
    json: JSONValue = msgspec.UNSET
    data: bytes | str | None = None
    form: Mapping[str, FieldValue] | None = None
    files: Mapping[str, FileValue] | None = None
    is_multipart: bool = False

    def with_field(
        self, name: str, value: str | int, in_url: Mapping[str, str], *, in_form: bool, is_default: bool = False
    ) -> "Content":
        """Return the content with a field that the caller gave apart from it.

        Args:
            name: Name of the field.
            value: Its value.
            in_url: Query parameters that the URL has.
            in_form: Whether it belongs into the form if there is one; else it goes into the query.
            is_default: Whether a value that the content already has wins.

        Raises:
            InvalidArgumentError: The content has another value.
        """
        fields = self.json if isinstance(self.json, Mapping) else {}
        found = [each[name] for each in (in_url, self.query, self.form or {}, fields) if each.get(name) is not None]
        if any(str(one) != str(value) for one in found) and not is_default:
            raise InvalidArgumentError(f"{name} is invalid: {value!r} contradicts the one in the request; give it once")
        if found:
            return self
        if in_form and (self.form is not None or self.files):
            return msgspec.structs.replace(self, form={name: value, **(self.form or {})})
        return msgspec.structs.replace(self, query={**self.query, name: value})

    def names(self, name: str) -> bool:
        """Return whether the query or the form has a field."""
        return any(name in (fields or {}) for fields in (self.query, self.form))

    def encode(self) -> tuple[bytes | None, str | None]:
        """Return the body and its media type.

        Raises:
            InvalidArgumentError: More than one body is given.
        """
        has_json = self.json is not msgspec.UNSET and self.json is not None
        given = [
            n
            for n, value in (("json", has_json), ("data", self.data), ("form", self.form))
            if value not in (None, False)
        ]
        if len(given) > 1:
            raise InvalidArgumentError(f"{' and '.join(given)} exclude each other; give one of them")
        if self.files and given not in ([], ["form"]):
            raise InvalidArgumentError(f"files and {given[0]} exclude each other; give the other fields in form")
        if self.files or (self.form is not None and self.is_multipart):
            return encode_multipart(self.form or {}, self.files or {})
        if self.is_multipart:
            raise InvalidArgumentError("is_multipart is invalid: it needs form or files; give one of them, or omit it")
        if self.form is not None:
            return form_body(self.form), FORM
        if self.data is not None:
            return (self.data.encode() if isinstance(self.data, str) else self.data), None
        return (json_text(self.json).encode(), JSON) if has_json else (None, None)


def named_files(
    files: Mapping[str, FileValue] | None, names: Mapping[str, str] | None
) -> Mapping[str, FileValue] | None:
    """Return files with the given file names.

    Args:
        files: Files by field name.
        names: File names by field name.

    Raises:
        InvalidArgumentError: A name is for a field that has no file.
    """
    unknown = sorted((names or {}).keys() - (files or {}).keys())
    if unknown:
        raise InvalidArgumentError(
            f"file_names is invalid: there is no file {unknown[0]!r}; its keys must be keys of files"
        )
    return {field: _named(value, (names or {}).get(field)) for field, value in files.items()} if files else files


def _named(value: FileValue, name: str | None) -> FileValue:
    if name is None:
        return value
    match value:
        case (str(), content, media_type):
            return (name, content, media_type)
        case (str(), content):
            return (name, content)
        case _:
            return (name, value)
