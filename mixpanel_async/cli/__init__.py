"""The command line. It needs the extra `cli` and uses the public surface only."""
