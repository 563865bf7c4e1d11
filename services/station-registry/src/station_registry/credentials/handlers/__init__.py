"""Load state, decide, apply changes and outbox in one transaction."""
