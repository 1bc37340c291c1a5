"""Compression, and splitting of byte streams into lines and array elements."""
