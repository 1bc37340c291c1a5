"""Comparison with other clients, each in its own environment."""
