"""The queries: pure builders of SQL and of replies."""
