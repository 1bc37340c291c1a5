"""Unit tests of `codecs`."""
