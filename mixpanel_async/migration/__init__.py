"""Migration of a project's data to another project or region."""

from mixpanel_async.migration.options import PARTS, MigrationOptions, Part
from mixpanel_async.migration.report import MigrationReport, PartReport
from mixpanel_async.migration.run import migrate

__all__ = ["PARTS", "MigrationOptions", "MigrationReport", "Part", "PartReport", "migrate"]
