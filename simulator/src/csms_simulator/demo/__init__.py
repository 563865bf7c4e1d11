"""A small network that lives against a running suite, for whoever looks at it."""
