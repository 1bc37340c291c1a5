"""Promises about delivery, over real sockets against the local server."""
