"""Unit tests of `jobs.exports`."""
