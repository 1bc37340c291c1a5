"""Unit tests of `jobs.imports`."""
