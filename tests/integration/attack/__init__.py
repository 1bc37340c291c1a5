"""Attacks: what servers, loops, callbacks and outages bring that nobody wishes for."""
