"""A lake: a directory with a Parquet file for each day, which is kept up to date and queried with SQL."""
