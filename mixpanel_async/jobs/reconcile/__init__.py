"""Compares the events of a source with the events that Mixpanel has."""
