"""The page of the local server: its files, and what it shows."""
