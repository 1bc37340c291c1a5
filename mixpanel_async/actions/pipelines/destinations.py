"""Options of pipelines that export raw events, and the form of every pipeline."""

from typing import TypeAlias

import msgspec

from mixpanel_async.actions._core.params import FieldValue, iso_date, texts
from mixpanel_async.actions.pipelines.base import RawPipeline, check_kms
from mixpanel_async.actions.pipelines.regions import (
    GcsRegion,
    S3Encryption,
    S3RawRegion,
)
from mixpanel_async.actions.pipelines.schema_destinations import Aws, AzureBlob, BigQuery, GcsSchema, Snowflake
from mixpanel_async.expressions import Expression


class GcsRaw(RawPipeline, frozen=True, kw_only=True, tag_field="type", tag="gcs-raw"):
    """A pipeline of raw events to Google Cloud Storage.

    Attributes:
        gcs_bucket: Bucket.
        gcs_region: Region of the bucket (default: `northamerica-northeast1`).
        gcs_prefix: Prefix of the paths in the bucket.

    Example:
        ```python
        from mixpanel_async.actions import GcsRaw

        pipeline = GcsRaw(from_date="2026-08-01", gcs_bucket="exports", gcs_region="us-east1")
        ```
    """

    gcs_bucket: str
    gcs_region: GcsRegion = "northamerica-northeast1"
    gcs_prefix: str | None = None


class S3Raw(RawPipeline, frozen=True, kw_only=True, tag_field="type", tag="s3-raw"):
    """A pipeline of raw events to Amazon S3.

    Attributes:
        s3_bucket: Bucket.
        s3_region: Region of the bucket.
        s3_role: Role that writes to the bucket.
        s3_prefix: Prefix of the paths in the bucket.
        s3_encryption: Encryption at rest.
        s3_kms_key_id: ID of the key, for `"kms"` only.

    Example:
        ```python
        from mixpanel_async.actions import S3Raw

        pipeline = S3Raw(
            from_date="2026-08-01",
            s3_bucket="exports",
            s3_region="us-east-1",
            s3_role="arn:aws:iam::1:role/export",
        )
        ```
    """

    s3_bucket: str
    s3_region: S3RawRegion
    s3_role: str
    s3_prefix: str | None = None
    s3_encryption: S3Encryption | None = None
    s3_kms_key_id: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kms(self.s3_encryption, self.s3_kms_key_id)


class AzureRaw(RawPipeline, frozen=True, kw_only=True, tag_field="type", tag="azure-raw"):
    """A pipeline of raw events to Azure Blob Storage.

    Attributes:
        storage_account: Storage account.
        container_name: Container.
        client_id: Client ID of the service principal.
        client_secret: Client secret of the service principal; never shown.
        tenant_id: Tenant ID of the service principal.
        prefix: Prefix of the paths in the container.

    Example:
        ```python
        from mixpanel_async.actions import AzureRaw

        pipeline = AzureRaw(
            from_date="2026-08-01",
            storage_account="exports",
            container_name="events",
            client_id="client",
            client_secret="secret",
            tenant_id="tenant",
        )
        ```
    """

    storage_account: str
    container_name: str
    client_id: str
    client_secret: str
    tenant_id: str
    prefix: str | None = None


PipelineKind: TypeAlias = GcsRaw | S3Raw | AzureRaw | BigQuery | Snowflake | Aws | AzureBlob | GcsSchema


def pipeline_form(kind: PipelineKind) -> dict[str, FieldValue]:
    """Return the form fields that create the pipeline."""
    fields: dict[str, FieldValue] = msgspec.to_builtins(kind, enc_hook=_plain)
    if kind.to_date is not None:
        fields["frequency"] = None
    fields["events"] = texts("events", kind.events)
    for name in ("from_date", "to_date"):
        date = getattr(kind, name)
        fields[name] = None if date is None else iso_date(name, date)
    return fields


def _plain(value: object) -> str:
    """Return the text of an expression.

    Raises:
        NotImplementedError: It is something else, which msgspec then names.
    """
    if isinstance(value, Expression):
        return str(value)
    raise NotImplementedError
