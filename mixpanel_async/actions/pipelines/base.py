"""Options that several destinations of pipelines share."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from mixpanel_async.actions._core.params import Date, check_choice, choices_of, date_range
from mixpanel_async.actions.pipelines.regions import (
    ExportFrequency,
    S3Encryption,
    SchemaType,
)
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.redaction import REDACTED

_SECRETS = frozenset({"client_secret", "snowflake_password"})


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options that all pipelines share.

    Attributes:
        from_date: First day, at most six months ago; required unless `trial` is True.
        to_date: Last day (default: none, the pipeline does not end).
        trial: Create a trial of thirty days.
        frequency: Interval between runs (default: daily); only for a pipeline without `to_date`.
        events: Export only these events.
        where: Expression that filters events.
    """

    from_date: Date | None = None
    to_date: Date | None = None
    trial: bool | None = None
    frequency: ExportFrequency | None = None
    events: Sequence[str] | None = None
    where: AnyExpression | None = None

    def __post_init__(self) -> None:
        if self.from_date is None and not self.trial:
            raise InvalidArgumentError("from_date is missing: only a trial has none; give it, or trial=True")
        if self.from_date is not None and self.to_date is not None:
            date_range(self.from_date, self.to_date)
        for field in msgspec.structs.fields(type(self)):
            if choices_of(field.type):
                check_choice(field.name, getattr(self, field.name), field.type)
        # The default of `frequency` adds nothing beside an end, and is then not sent.
        if self.frequency not in {None, "daily"} and self.to_date is not None:
            raise InvalidArgumentError("frequency and to_date exclude each other; give one of them")

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = (f"{n}={REDACTED if n in _SECRETS else repr(v)}" for n, v in fields if v is not None)
        return f"{type(self).__name__}({', '.join(shown)})"


class RawPipeline(Pipeline, frozen=True, kw_only=True):
    """The options of pipelines that export raw events."""

    data_source: Literal["events"] | None = None
    data_format: Literal["json"] | None = None


class SchemaPipeline(Pipeline, frozen=True, kw_only=True):
    """The options of pipelines that export tables or files with a schema."""

    schema_type: SchemaType = "monoschema"
    sync: Literal[True] = True
    data_source: Literal["events", "people"] | None = None


def check_kms(encryption: S3Encryption | None, key_id: str | None) -> None:
    """Refuse a key without the encryption that uses it.

    Raises:
        InvalidArgumentError: `key_id` is given and `encryption` is not "kms".
    """
    if key_id is not None and encryption != "kms":
        raise InvalidArgumentError('s3_kms_key_id is invalid: it needs s3_encryption "kms"; give both or neither')
