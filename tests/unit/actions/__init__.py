"""Unit tests of `actions`."""
