"""A deterministic simulation of the engine against a faulty Mixpanel, in virtual time."""
