"""Programs of users, checked with mypy and pyright, and run."""
