"""Unit tests of jobs/vendors."""
