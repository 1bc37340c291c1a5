"""Clients that others wrote, run unchanged but for the address against the local server."""
