"""Every operation against the published facts."""
