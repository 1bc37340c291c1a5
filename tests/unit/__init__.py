"""Pure parts, each alone."""
