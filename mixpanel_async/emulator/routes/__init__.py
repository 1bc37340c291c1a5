"""One module for each endpoint family."""
