"""Unit tests of `records`."""
