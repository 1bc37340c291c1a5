"""Everything that a local server keeps, in DuckDB."""
