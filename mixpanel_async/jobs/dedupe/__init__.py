"""Duplicate detection within a job."""
