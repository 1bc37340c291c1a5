"""Unit tests, arranged as the package is."""
