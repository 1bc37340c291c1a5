"""Feature flags against servers."""
