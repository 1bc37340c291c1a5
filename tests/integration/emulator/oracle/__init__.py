"""A second computation of queries, in plain Python; it shares nothing with the local server."""
