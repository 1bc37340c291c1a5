"""Tests of the app and pipeline APIs of the local server."""
