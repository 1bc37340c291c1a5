"""Exports of events and profiles."""
