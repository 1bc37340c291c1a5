"""Calls of the ingestion endpoints without batching: one request, and Mixpanel's own answer."""
