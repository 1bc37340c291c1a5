"""Kinds of pipelines: the fields that each of them takes, needs and may change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mixpanel_async.emulator.app.regions import BIGQUERY_REGIONS, GCS_REGIONS, S3_RAW_REGIONS, S3_REGIONS

_COMMON: Final = frozenset(
    {"type", "project_id", "trial", "data_source", "from_date", "to_date", "frequency", "events", "where"}
)
_EDITS: Final = frozenset({"name", "project_id", "events", "where"})
_AZURE_EDITS: Final = frozenset({"azure_client_id", "azure_client_secret", "azure_tenant_id"})
_GLUE_EDITS: Final = frozenset({"glue_database", "glue_role", "glue_table_prefix"})
_AZURE: Final = frozenset({"storage_account", "container_name", "client_id", "client_secret", "tenant_id"})
_S3_OPTIONS: Final = frozenset({"s3_prefix", "s3_encryption", "s3_kms_key_id"})
_ENCRYPTIONS: Final = frozenset({"none", "aes", "kms"})
_SNOWFLAKE: Final = frozenset(
    f"snowflake_{name}"
    for name in (
        "account_name", "warehouse", "storage_integration", "user", "password", "role", "database", "schema"
    )
)  # fmt: skip

# Fields that are not kept: nothing needs them, and a data file must not hold them.
SECRETS: Final = frozenset({"client_secret", "azure_client_secret", "snowflake_password"})


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A kind of pipeline.

    Attributes:
        needs: Fields that must be given, besides those of every pipeline.
        takes: Fields that may be given.
        choices: The values that a field may have.
        edits: Fields that may be changed later, besides those of every pipeline.
        has_schema: Whether it exports tables or files with a schema, and so may export profiles.
    """

    needs: frozenset[str]
    takes: frozenset[str] = frozenset()
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    edits: frozenset[str] = frozenset()
    has_schema: bool = False

    @property
    def required(self) -> frozenset[str]:
        """All fields that must be given."""
        return self.needs | ({"sync", "schema_type"} if self.has_schema else set())

    @property
    def known(self) -> frozenset[str]:
        """All fields that may be given."""
        return _COMMON | self.required | self.takes

    @property
    def editable(self) -> frozenset[str]:
        """All fields that a change may have."""
        return _EDITS | self.edits

    def values_of(self, name: str) -> frozenset[str] | None:
        """Return the values that a field may have; None for any."""
        common = {
            "trial": {"true", "false"},
            "sync": {"true"},
            "use_glue": {"true", "false"},
            "schema_type": {"monoschema", "multischema"},
            "frequency": {"daily", "hourly"},
            "data_source": {"events", "people"} if self.has_schema else {"events"},
            "data_format": {"json", "parquet"} if self.has_schema else {"json"},
        }
        found = self.choices.get(name) or common.get(name)
        return None if found is None else frozenset(found)


_S3_NEEDS: Final = frozenset({"s3_bucket", "s3_region", "s3_role"})
_GCS_NEEDS: Final = frozenset({"gcs_bucket", "gcs_region"})
_FORMAT: Final = frozenset({"data_format"})
DESTINATIONS: Final[Mapping[str, Destination]] = {
    "gcs-raw": Destination(
        needs=_GCS_NEEDS, takes=_FORMAT | {"gcs_prefix"}, choices={"gcs_region": GCS_REGIONS}
    ),
    "s3-raw": Destination(
        needs=_S3_NEEDS,
        takes=_FORMAT | _S3_OPTIONS,
        choices={"s3_region": S3_RAW_REGIONS, "s3_encryption": _ENCRYPTIONS},
    ),
    "azure-raw": Destination(needs=_AZURE, takes=_FORMAT | {"prefix"}, edits=_AZURE_EDITS),
    "bigquery": Destination(
        needs=frozenset({"bq_region", "gcp_project", "bq_dataset_name"}),
        takes=frozenset({"bq_prefix"}),
        choices={"bq_region": BIGQUERY_REGIONS},
        edits=frozenset({"bq_share_with_group"}),
        has_schema=True,
    ),
    "snowflake": Destination(needs=_SNOWFLAKE, takes=frozenset({"snowflake_prefix"}), has_schema=True),
    "aws": Destination(
        needs=_S3_NEEDS,
        takes=_FORMAT | _S3_OPTIONS | _GLUE_EDITS | {"use_glue"},
        choices={"s3_region": S3_REGIONS, "s3_encryption": _ENCRYPTIONS},
        edits=_GLUE_EDITS,
        has_schema=True,
    ),
    "azure-blob": Destination(needs=_AZURE, takes=_FORMAT | {"prefix"}, edits=_AZURE_EDITS, has_schema=True),
    "gcs-schema": Destination(
        needs=_GCS_NEEDS, takes=_FORMAT | {"gcs_prefix"}, choices={"gcs_region": GCS_REGIONS}, has_schema=True
    ),
}  # fmt: skip
