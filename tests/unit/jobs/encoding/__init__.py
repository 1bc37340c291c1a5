"""Unit tests of `jobs.encoding`."""
