"""Segmentation expressions."""
