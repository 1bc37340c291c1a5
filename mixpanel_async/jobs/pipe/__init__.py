"""Pipes: endless sources with acknowledgements."""
