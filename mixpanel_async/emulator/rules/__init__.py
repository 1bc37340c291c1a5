"""Validation of records, written independently of the client."""
