"""Data that the parts of a job exchange."""
