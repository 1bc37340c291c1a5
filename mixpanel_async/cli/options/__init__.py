"""Command-line options, by subject."""
