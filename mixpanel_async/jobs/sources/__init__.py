"""Sources of records: files, formats, iterables."""
