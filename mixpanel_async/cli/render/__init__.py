"""Output: tables, JSON, CSV, progress."""
