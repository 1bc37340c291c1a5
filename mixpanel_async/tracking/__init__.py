"""Live calls: events, identity, profile updates."""
