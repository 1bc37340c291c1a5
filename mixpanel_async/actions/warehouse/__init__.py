"""Warehouse connectors."""
