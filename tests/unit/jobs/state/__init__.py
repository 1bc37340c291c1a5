"""Unit tests of `jobs.state`."""
