"""The command line for the API: real processes against a local server."""
