"""Use cases: load state, let the domain decide, write, publish."""
