"""What a job remembers: checkpoint, dead letters, settlement."""
