"""API calls, by behaviour."""
