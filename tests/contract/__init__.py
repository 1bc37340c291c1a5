"""Every call against Mixpanel's published operations."""
