"""Benchmarks: each figure is a ratio measured in one run, against the floor or a peer."""
