"""Shared by all API resources: requests, parameters, responses, tables."""
