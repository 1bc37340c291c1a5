"""The page of the local server in a real browser."""
