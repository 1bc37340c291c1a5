"""The version, alone, so that everything can read it."""

__version__ = "0.1.0"
