"""Arrow: Parquet files, and tables in memory."""
