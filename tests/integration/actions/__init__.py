"""The actions by behaviour."""
