"""Options for the fields of pipelines."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias, get_args

import msgspec
import typer

from mixpanel_async.actions.pipelines.destinations import PipelineKind
from mixpanel_async.actions.pipelines.regions import ExportFrequency, FileFormat, GcsRegion, SchemaType
from mixpanel_async.cli.options.inputs import given_fields, given_json
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.json_types import JSONValue

PipelineFields: TypeAlias = dict[str, JSONValue]

KINDS: Final[Mapping[str, type[PipelineKind]]] = {kind.__struct_config__.tag: kind for kind in get_args(PipelineKind)}
_GCS = "Google Cloud Storage (gcs-raw, gcs-schema)"
_OTHER = "Other fields"
_WORDS: Final = {"true": True, "false": False}


def export_selection_options(
    *,
    events: Annotated[
        list[str] | None, typer.Option("--event", metavar="EVENT", help="Export only this event; repeatable.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="EXPRESSION", help="Export only events that match this expression.")
    ] = None,
) -> PipelineFields:
    """Return the fields that select events."""
    return _given(events=events, where=where)


def time_options(
    *,
    from_date: Annotated[
        str | None,
        typer.Option(
            "--from-date",
            metavar="YYYY-MM-DD",
            help="First day, at most six months ago; required except for a trial.",
        ),
    ] = None,
    to_date: Annotated[
        str | None,
        typer.Option(
            "--to-date",
            metavar="YYYY-MM-DD",
            help="Last day (default: no end). Excludes --frequency hourly.",
        ),
    ] = None,
    frequency: Annotated[
        ExportFrequency | None,
        typer.Option("--frequency", help="How often the pipeline runs (default: daily). hourly excludes --to-date."),
    ] = None,
    trial: Annotated[bool | None, typer.Option("--trial", help="Create a trial of 30 days.")] = None,
) -> PipelineFields:
    """Return the fields that schedule a pipeline."""
    return _given(from_date=from_date, to_date=to_date, frequency=frequency, trial=trial)


def gcs_options(
    *,
    gcs_bucket: Annotated[
        str | None,
        typer.Option("--gcs-bucket", metavar="NAME", help="Name of the bucket (required).", rich_help_panel=_GCS),
    ] = None,
    gcs_region: Annotated[
        GcsRegion | None,
        typer.Option(
            "--gcs-region",
            metavar="REGION",
            help="Region of the bucket, such as us-central1 (default: northamerica-northeast1).",
            rich_help_panel=_GCS,
        ),
    ] = None,
    gcs_prefix: Annotated[
        str | None,
        typer.Option("--gcs-prefix", metavar="PATH", help="Path prefix in the bucket.", rich_help_panel=_GCS),
    ] = None,
    data_format: Annotated[
        FileFormat | None,
        typer.Option(
            "--data-format", help="File format (default: json, the only one of gcs-raw).", rich_help_panel=_GCS
        ),
    ] = None,
    schema_type: Annotated[
        SchemaType | None,
        typer.Option("--schema-type", help="One table, or one per event; not for gcs-raw.", rich_help_panel=_GCS),
    ] = None,
) -> PipelineFields:
    """Return the fields of a Google Cloud Storage destination."""
    return _given(
        gcs_bucket=gcs_bucket,
        gcs_region=gcs_region,
        gcs_prefix=gcs_prefix,
        data_format=data_format,
        schema_type=schema_type,
    )


def other_fields(
    *,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            metavar="NAME=VALUE",
            help="Any field, by Mixpanel's name; repeatable; a repeated name makes a list.",
            rich_help_panel=_OTHER,
        ),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(
            "--fields",
            metavar="JSON|@FILE",
            help="Fields as one JSON object. @FILE, or @- for standard input, keeps secrets out of the process "
            "list and the shell history.",
            rich_help_panel=_OTHER,
        ),
    ] = None,
) -> PipelineFields:
    """Return fields that have no option of their own.

    Raises:
        InvalidArgumentError: A field cannot be read.
        SourceError: The file cannot be read.
    """
    found = given_json("--fields", fields) if fields is not None else {}
    if not isinstance(found, dict):
        raise InvalidArgumentError('--fields is invalid: not a JSON object; give one such as {"s3_bucket": "events"}')
    texts = given_fields("--field", field)
    return {
        **found,
        **{name: _WORDS.get(value, value) if isinstance(value, str) else value for name, value in texts.items()},
    }


def make_pipeline(kind: str, fields: Mapping[str, JSONValue]) -> PipelineKind:
    """Return a pipeline of a kind.

    Args:
        kind: One of `KINDS`.
        fields: The fields of the pipeline.

    Raises:
        InvalidArgumentError: A field is missing, unknown or invalid, or fields contradict each other.
    """
    known = {field.name: field for field in msgspec.structs.fields(KINDS[kind])}
    check_known(kind, fields, known)
    missing = [name for name, field in known.items() if field.required and fields.get(name) is None]
    if missing:
        raise InvalidArgumentError(f"{kind} requires {', '.join(missing)}")
    values = {name: _checked(name, value, known[name].type) for name, value in fields.items()}
    # The class is only known at run time; the values were converted to the types of its fields.
    return KINDS[kind](**values)


def check_known(what: str, fields: Mapping[str, object], known: Mapping[str, object]) -> None:
    """Check that every field exists.

    Raises:
        InvalidArgumentError: A field is unknown.
    """
    unknown = sorted(fields.keys() - known.keys())
    if unknown:
        raise InvalidArgumentError(f"{what} has no field {', '.join(unknown)}; choose from {', '.join(known)}")


def _checked(name: str, value: JSONValue, kind: Any) -> JSONValue:  # noqa: ANN401 - a type of any form
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        choices = [str(choice) for one in get_args(kind) for choice in get_args(one)]
        raise InvalidArgumentError(
            f"{name} is invalid: {error}; choose one of {', '.join(choices)}"
            if choices
            else f"{name} is invalid: {error}"
        ) from None
    except TypeError:  # msgspec cannot convert to this type; the class checks the value
        return value


def _given(**fields: JSONValue) -> PipelineFields:
    return {name: value for name, value in fields.items() if value is not None}
