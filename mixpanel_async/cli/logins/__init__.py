"""Saved logins: credentials by name, and the rule that chooses between them and the environment."""
