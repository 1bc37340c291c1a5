"""Unit tests of `flags`."""
