"""Unit tests of `jobs.reconcile`."""
