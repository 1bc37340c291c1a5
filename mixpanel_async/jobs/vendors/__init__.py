"""Presets that read the exports of other analytics products: one table for each, and one engine."""
