"""Thin calls of the ingestion endpoints: one request, and Mixpanel's own answer."""
