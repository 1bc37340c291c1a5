"""Typed calls for every operation of Mixpanel's API that is no ingestion."""
