"""The client against a plain model of what may become of each record."""
