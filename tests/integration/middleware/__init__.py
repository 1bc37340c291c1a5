"""The middlewares, with frameworks and servers."""
