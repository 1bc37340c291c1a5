"""Outputs of an export of events: their formats, compression and places."""
