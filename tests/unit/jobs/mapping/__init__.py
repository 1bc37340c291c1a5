"""Unit tests of jobs/mapping."""
