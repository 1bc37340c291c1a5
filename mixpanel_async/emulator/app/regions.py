"""Regions that destinations of pipelines may be in. Source: create-warehouse-pipeline in Mixpanel's reference."""

from typing import Final

GCS_REGIONS: Final = frozenset(
    {
        "northamerica-northeast1", "us-central1", "us-east1", "us-east4", "us-west1", "us-west2",
        "southamerica-east1", "europe-north1", "europe-west1", "europe-west2", "europe-west3", "europe-west4",
        "europe-west6", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3",
        "asia-south1", "asia-southeast1", "australia-southeast1",
    }
)  # fmt: skip
S3_REGIONS: Final = frozenset(
    {
        "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ap-northeast-1", "ap-northeast-2",
        "ap-northeast-3", "ap-southeast-1", "ap-southeast-2", "ap-south-1", "ca-central-1", "cn-north-1",
        "cn-northwest-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
    }
)  # fmt: skip
S3_RAW_REGIONS: Final = S3_REGIONS | {"me-south-1"}
BIGQUERY_REGIONS: Final = frozenset(
    {
        "US", "US_CENTRAL_1", "US_EAST_1", "US_WEST_1", "US_WEST_2", "US_EAST_4", "NORTH_AMERICA_NORTHEAST_1",
        "SOUTH_AMERICA_EAST_1", "EU", "EUROPE_NORTH_1", "EUROPE_WEST_2", "EUROPE_WEST_3", "EUROPE_WEST_4",
        "EUROPE_WEST_6", "ASIA_SOUTH_1", "ASIA_EAST_1", "ASIA_EAST_2", "ASIA_NORTHEAST_1", "ASIA_NORTHEAST_2",
        "ASIA_NORTHEAST_3", "ASIA_SOUTHEAST_1", "ASIA_SOUTHEAST_2", "AUSTRALIA_SOUTHEAST_1",
    }
)  # fmt: skip
