"""Unit tests of `cli.logins`."""
