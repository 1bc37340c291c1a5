"""Encodes chunks of records to JSON bytes."""
