"""Destinations of pipelines: one Struct a kind, whose required fields are required here."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from mixpanel_async.actions._core.params import Date, FieldValue, check_needs, date_range, iso_date
from mixpanel_async.actions.pipelines.regions import (
    BigQueryRegion,
    ExportFrequency,
    FileFormat,
    GcsRegion,
    S3Encryption,
    S3RawRegion,
    S3Region,
    SchemaType,
)
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.redaction import REDACTED

_SECRETS = frozenset({"client_secret", "snowflake_password"})


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all pipelines share.

    Attributes:
        from_date: First day, at most six months ago; may be left out of a trial only.
        to_date: Last day; the pipeline goes on for ever unless given.
        trial: Make a trial of thirty days.
        frequency: How often it runs, daily unless given; only for a pipeline without `to_date`.
        events: Only these events.
        where: Expression to filter events by.
    """

    from_date: Date | None = None
    to_date: Date | None = None
    trial: bool | None = None
    frequency: ExportFrequency | None = None
    events: Sequence[str] | None = None
    where: str | None = None

    def __post_init__(self) -> None:
        if self.from_date is None and not self.trial:
            raise InvalidArgumentError("from_date is needed, unless trial is True")
        if self.from_date is not None and self.to_date is not None:
            date_range(self.from_date, self.to_date)
        if self.frequency is not None and self.to_date is not None:
            raise InvalidArgumentError("frequency and to_date exclude each other; only a pipeline without end repeats")

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = (f"{n}={REDACTED if n in _SECRETS else repr(v)}" for n, v in fields if v is not None)
        return f"{type(self).__name__}({', '.join(shown)})"


class _RawPipeline(Pipeline, frozen=True, kw_only=True):
    data_source: Literal["events"] | None = None
    data_format: Literal["json"] | None = None


class _SchemaPipeline(Pipeline, frozen=True, kw_only=True):
    schema_type: SchemaType = "monoschema"
    sync: Literal[True] = True
    data_source: Literal["events", "people"] | None = None


class GcsRaw(_RawPipeline, frozen=True, kw_only=True, tag_field="type", tag="gcs-raw"):
    """Raw events to Google Cloud Storage.

    Attributes:
        gcs_bucket: The bucket.
        gcs_region: Its region.
        gcs_prefix: Prefix of the paths in it.
    """

    gcs_bucket: str
    gcs_region: GcsRegion
    gcs_prefix: str | None = None


class S3Raw(_RawPipeline, frozen=True, kw_only=True, tag_field="type", tag="s3-raw"):
    """Raw events to Amazon S3.

    Attributes:
        s3_bucket: The bucket.
        s3_region: Its region.
        s3_role: Role that writes.
        s3_prefix: Prefix of the paths in it.
        s3_encryption: Encryption at rest.
        s3_kms_key_id: Key of that, under `"kms"` only.
    """

    s3_bucket: str
    s3_region: S3RawRegion
    s3_role: str
    s3_prefix: str | None = None
    s3_encryption: S3Encryption | None = None
    s3_kms_key_id: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_kms(self.s3_encryption, self.s3_kms_key_id)


class AzureRaw(_RawPipeline, frozen=True, kw_only=True, tag_field="type", tag="azure-raw"):
    """Raw events to Azure Blob Storage.

    Attributes:
        storage_account: The account.
        container_name: The container.
        client_id: Of the service principal.
        client_secret: Of the service principal; never shown.
        tenant_id: Of the service principal.
        prefix: Prefix of the paths in it.
    """

    storage_account: str
    container_name: str
    client_id: str
    client_secret: str
    tenant_id: str
    prefix: str | None = None


class BigQuery(_SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="bigquery"):
    """Tables in BigQuery.

    Attributes:
        bq_region: The region.
        gcp_project: Your project at Google.
        bq_dataset_name: The dataset in it.
        bq_prefix: Prefix of the tables.
    """

    bq_region: BigQueryRegion
    gcp_project: str
    bq_dataset_name: str
    bq_prefix: str | None = None


class Snowflake(_SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="snowflake"):
    """Tables in Snowflake.

    Attributes:
        snowflake_account_name: The account.
        snowflake_warehouse: The warehouse.
        snowflake_storage_integration: Storage integration for staging.
        snowflake_user: The user.
        snowflake_password: The user's password; never shown.
        snowflake_role: The role.
        snowflake_database: The database.
        snowflake_schema: The schema.
        snowflake_prefix: Prefix of the tables.
    """

    snowflake_account_name: str
    snowflake_warehouse: str
    snowflake_storage_integration: str
    snowflake_user: str
    snowflake_password: str
    snowflake_role: str
    snowflake_database: str
    snowflake_schema: str
    snowflake_prefix: str | None = None


class Aws(_SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="aws"):
    """Tables in Amazon S3, with Glue on demand.

    Attributes:
        s3_bucket: The bucket.
        s3_region: Its region.
        s3_role: Role that writes.
        s3_prefix: Prefix of the paths in it.
        s3_encryption: Encryption at rest.
        s3_kms_key_id: Key of that, under `"kms"` only.
        data_format: Of the files.
        use_glue: Export the schema to Glue; needs `glue_database` and `glue_role`.
        glue_database: The Glue database.
        glue_role: Role that updates Glue.
        glue_table_prefix: Prefix of the tables.
    """

    s3_bucket: str
    s3_region: S3Region
    s3_role: str
    s3_prefix: str | None = None
    s3_encryption: S3Encryption | None = None
    s3_kms_key_id: str | None = None
    data_format: FileFormat | None = None
    use_glue: bool | None = None
    glue_database: str | None = None
    glue_role: str | None = None
    glue_table_prefix: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_kms(self.s3_encryption, self.s3_kms_key_id)
        use_glue = self.use_glue or None
        for name in ("glue_database", "glue_role"):
            check_needs("use_glue", use_glue, name, getattr(self, name))
        for name in ("glue_database", "glue_role", "glue_table_prefix"):
            check_needs(name, getattr(self, name), "use_glue", use_glue)


class AzureBlob(_SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="azure-blob"):
    """Tables in Azure Blob Storage.

    Attributes:
        storage_account: The account.
        container_name: The container.
        client_id: Of the service principal.
        client_secret: Of the service principal; never shown.
        tenant_id: Of the service principal.
        prefix: Prefix of the paths in it.
        data_format: Of the files.
    """

    storage_account: str
    container_name: str
    client_id: str
    client_secret: str
    tenant_id: str
    prefix: str | None = None
    data_format: FileFormat | None = None


class GcsSchema(_SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="gcs-schema"):
    """Tables in Google Cloud Storage.

    Attributes:
        gcs_bucket: The bucket.
        gcs_region: Its region.
        gcs_prefix: Prefix of the paths in it.
        data_format: Of the files.
    """

    gcs_bucket: str
    gcs_region: GcsRegion
    gcs_prefix: str | None = None
    data_format: FileFormat | None = None


PipelineKind: TypeAlias = GcsRaw | S3Raw | AzureRaw | BigQuery | Snowflake | Aws | AzureBlob | GcsSchema


def pipeline_form(kind: PipelineKind) -> dict[str, FieldValue]:
    """Return the fields of a form that makes the pipeline."""
    fields: dict[str, FieldValue] = msgspec.to_builtins(kind)
    for name in ("from_date", "to_date"):
        date = getattr(kind, name)
        fields[name] = None if date is None else iso_date(name, date)
    return fields


def _check_kms(encryption: S3Encryption | None, key_id: str | None) -> None:
    if key_id is not None and encryption != "kms":
        raise InvalidArgumentError('s3_kms_key_id needs s3_encryption "kms"')
