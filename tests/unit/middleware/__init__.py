"""Tests of the parts of the middlewares."""
