"""HTTP concerns of the local server."""
