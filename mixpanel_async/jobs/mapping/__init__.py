"""Mapping of flat records to events."""
