"""Unit tests of jobs/sources."""
