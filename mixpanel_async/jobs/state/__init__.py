"""State of a job: settlement, dead letters and checkpoint."""
