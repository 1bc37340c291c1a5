"""The Query API."""
