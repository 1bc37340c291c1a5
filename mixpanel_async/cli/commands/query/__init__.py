"""The `query` commands."""
