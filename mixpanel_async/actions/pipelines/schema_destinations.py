"""Options of pipelines that export tables or files with a schema: one Struct for each destination."""

from mixpanel_async.actions._core.params import check_needs
from mixpanel_async.actions.pipelines.base import SchemaPipeline, check_kms
from mixpanel_async.actions.pipelines.regions import (
    BigQueryRegion,
    FileFormat,
    GcsRegion,
    S3Encryption,
    S3Region,
)


class BigQuery(SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="bigquery"):
    """A pipeline to tables in BigQuery.

    Attributes:
        bq_region: Region of the dataset.
        gcp_project: Google Cloud project.
        bq_dataset_name: Dataset.
        bq_prefix: Prefix of the tables.

    Example:
        ```python
        from mixpanel_async.actions import BigQuery

        pipeline = BigQuery(from_date="2026-08-01", bq_region="EU", gcp_project="acme", bq_dataset_name="mixpanel")
        ```
    """

    bq_region: BigQueryRegion
    gcp_project: str
    bq_dataset_name: str
    bq_prefix: str | None = None


class Snowflake(SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="snowflake"):
    """A pipeline to tables in Snowflake.

    Attributes:
        snowflake_account_name: Account.
        snowflake_warehouse: Warehouse.
        snowflake_storage_integration: Storage integration for staging.
        snowflake_user: User.
        snowflake_password: Password of the user; never shown.
        snowflake_role: Role.
        snowflake_database: Database.
        snowflake_schema: Schema.
        snowflake_prefix: Prefix of the tables.

    Example:
        ```python
        from mixpanel_async.actions import Snowflake

        pipeline = Snowflake(
            from_date="2026-08-01",
            snowflake_account_name="acme",
            snowflake_warehouse="export",
            snowflake_storage_integration="staging",
            snowflake_user="mixpanel",
            snowflake_password="secret",
            snowflake_role="loader",
            snowflake_database="analytics",
            snowflake_schema="events",
        )
        ```
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


class Aws(SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="aws"):
    """A pipeline to files in Amazon S3, with an optional Glue schema.

    Attributes:
        s3_bucket: Bucket.
        s3_region: Region of the bucket.
        s3_role: Role that writes to the bucket.
        s3_prefix: Prefix of the paths in the bucket.
        s3_encryption: Encryption at rest.
        s3_kms_key_id: ID of the key, for `"kms"` only.
        data_format: File format.
        use_glue: Export the schema to Glue; needs `glue_database` and `glue_role`.
        glue_database: Glue database.
        glue_role: Role that updates Glue.
        glue_table_prefix: Prefix of the tables.

    Example:
        ```python
        from mixpanel_async.actions import Aws

        pipeline = Aws(
            from_date="2026-08-01",
            s3_bucket="exports",
            s3_region="us-east-1",
            s3_role="arn:aws:iam::1:role/export",
        )
        ```
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
        check_kms(self.s3_encryption, self.s3_kms_key_id)
        use_glue = self.use_glue or None
        for name in ("glue_database", "glue_role"):
            check_needs("use_glue", use_glue, name, getattr(self, name))
        for name in ("glue_database", "glue_role", "glue_table_prefix"):
            check_needs(name, getattr(self, name), "use_glue", use_glue)


class AzureBlob(SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="azure-blob"):
    """A pipeline to files in Azure Blob Storage, one schema for each event.

    Attributes:
        storage_account: Storage account.
        container_name: Container.
        client_id: Client ID of the service principal.
        client_secret: Client secret of the service principal; never shown.
        tenant_id: Tenant ID of the service principal.
        prefix: Prefix of the paths in the container.
        data_format: File format.

    Example:
        ```python
        from mixpanel_async.actions import AzureBlob

        pipeline = AzureBlob(
            from_date="2026-08-01",
            storage_account="exports",
            container_name="events",
            client_id="client",
            client_secret="secret",
            tenant_id="tenant",
            data_format="parquet",
        )
        ```
    """

    storage_account: str
    container_name: str
    client_id: str
    client_secret: str
    tenant_id: str
    prefix: str | None = None
    data_format: FileFormat | None = None


class GcsSchema(SchemaPipeline, frozen=True, kw_only=True, tag_field="type", tag="gcs-schema"):
    """A pipeline to files in Google Cloud Storage, with a schema.

    Attributes:
        gcs_bucket: Bucket.
        gcs_region: Region of the bucket.
        gcs_prefix: Prefix of the paths in the bucket.
        data_format: File format.

    Example:
        ```python
        from mixpanel_async.actions import GcsSchema

        pipeline = GcsSchema(from_date="2026-08-01", gcs_bucket="exports", gcs_region="us-east1", data_format="parquet")
        ```
    """

    gcs_bucket: str
    gcs_region: GcsRegion
    gcs_prefix: str | None = None
    data_format: FileFormat | None = None
