"""Unit tests of `session`."""
