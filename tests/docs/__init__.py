"""Tests of the documents: what they show works, and what is public is in them."""
