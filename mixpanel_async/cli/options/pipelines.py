"""Fields of pipelines from options, and the pipelines that they make."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias, cast, get_args

import msgspec
import typer

from mixpanel_async.actions.pipelines.destinations import PipelineKind
from mixpanel_async.actions.pipelines.regions import ExportFrequency, FileFormat, GcsRegion, SchemaType
from mixpanel_async.cli.options.inputs import given_fields, given_json
from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.models import JSONValue

PipelineFields: TypeAlias = dict[str, JSONValue]

KINDS: Final[Mapping[str, type[PipelineKind]]] = {kind.__struct_config__.tag: kind for kind in get_args(PipelineKind)}
_GCS = "Google Cloud Storage (gcs-raw, gcs-schema)"
_OTHER = "Other fields"
_WORDS: Final = {"true": True, "false": False}


def export_selection_options(
    *,
    events: Annotated[
        list[str] | None, typer.Option("--event", metavar="EVENT", help="Only this event; repeatable.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="EXPRESSION", help="Only events that fit this expression.")
    ] = None,
) -> PipelineFields:
    """Return what options say of which events."""
    return _given(events=events, where=where)


def time_options(
    *,
    from_date: Annotated[
        str | None,
        typer.Option(
            "--from-date",
            metavar="YYYY-MM-DD",
            help="First day, at most six months ago; only a trial does without it.",
        ),
    ] = None,
    to_date: Annotated[
        str | None,
        typer.Option(
            "--to-date",
            metavar="YYYY-MM-DD",
            help="Last day; the pipeline goes on for ever unless given. Excludes --frequency.",
        ),
    ] = None,
    frequency: Annotated[
        ExportFrequency | None,
        typer.Option("--frequency", help="How often it runs; daily unless given. Excludes --to-date."),
    ] = None,
    trial: Annotated[bool | None, typer.Option("--trial", help="Make a trial of thirty days.")] = None,
) -> PipelineFields:
    """Return what options say of when a pipeline runs."""
    return _given(from_date=from_date, to_date=to_date, frequency=frequency, trial=trial)


def gcs_options(
    *,
    gcs_bucket: Annotated[
        str | None, typer.Option("--gcs-bucket", metavar="NAME", help="The bucket; needed.", rich_help_panel=_GCS)
    ] = None,
    gcs_region: Annotated[
        GcsRegion | None,
        typer.Option(
            "--gcs-region",
            metavar="REGION",
            help="The bucket's region, such as us-central1 or europe-west1; needed.",
            rich_help_panel=_GCS,
        ),
    ] = None,
    gcs_prefix: Annotated[
        str | None,
        typer.Option("--gcs-prefix", metavar="PATH", help="Prefix of the paths in it.", rich_help_panel=_GCS),
    ] = None,
    data_format: Annotated[
        FileFormat | None,
        typer.Option(
            "--data-format", help="Of the files; json unless given; gcs-raw has no other.", rich_help_panel=_GCS
        ),
    ] = None,
    schema_type: Annotated[
        SchemaType | None,
        typer.Option("--schema-type", help="One table, or one for each event; not for gcs-raw.", rich_help_panel=_GCS),
    ] = None,
) -> PipelineFields:
    """Return what options say of a destination at Google."""
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
            help="Any field under Mixpanel's own name; repeatable; with the same name it is a list.",
            rich_help_panel=_OTHER,
        ),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(
            "--fields",
            metavar="JSON|@FILE",
            help="Fields as one JSON object. @FILE, or @- for standard input, keeps secrets out of the list of "
            "processes and the shell's history.",
            rich_help_panel=_OTHER,
        ),
    ] = None,
) -> PipelineFields:
    """Return fields that have no option of their own.

    Raises:
        InvalidSettingError: They cannot be read.
        SourceError: The file cannot be read.
    """
    found = given_json("--fields", fields) if fields is not None else {}
    if not isinstance(found, dict):
        raise InvalidSettingError('--fields must be an object, such as {"s3_bucket": "events"}')
    texts = given_fields("--field", field)
    return {
        **found,
        **{name: _WORDS.get(value, value) if isinstance(value, str) else value for name, value in texts.items()},
    }


def make_pipeline(kind: str, fields: Mapping[str, JSONValue]) -> PipelineKind:
    """Return a pipeline of a kind.

    Args:
        kind: One of `KINDS`.
        fields: Its fields.

    Raises:
        InvalidSettingError: A field is missing, unknown or out of its choices, or fields contradict each other.
    """
    known = {field.name: field for field in msgspec.structs.fields(KINDS[kind])}
    check_known(kind, fields, known)
    missing = [name for name, field in known.items() if field.required and fields.get(name) is None]
    if missing:
        raise InvalidSettingError(f"{kind} needs {', '.join(missing)}")
    values = {name: _checked(name, value, known[name].type) for name, value in fields.items()}
    # Which class it is, and that the values are of its fields' types, is known only now.
    return KINDS[kind](**cast("dict[str, Any]", values))


def check_known(what: str, fields: Mapping[str, object], known: Mapping[str, object]) -> None:
    """Refuse a field that there is not.

    Raises:
        InvalidSettingError: There is one.
    """
    unknown = sorted(fields.keys() - known.keys())
    if unknown:
        raise InvalidSettingError(f"{what} has no field {', '.join(unknown)}; it has {', '.join(known)}")


def _checked(name: str, value: JSONValue, kind: Any) -> JSONValue:  # noqa: ANN401 - a type of any form
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        choices = [str(choice) for one in get_args(kind) for choice in get_args(one)]
        raise InvalidSettingError(
            f"{name} is wrong: {error}; choose one of {', '.join(choices)}" if choices else f"{name} is wrong: {error}"
        ) from None
    except TypeError:  # a type that msgspec knows no conversion to; the class checks it
        return value


def _given(**fields: JSONValue) -> PipelineFields:
    return {name: value for name, value in fields.items() if value is not None}
