"""Load state, decide, apply changes and outbox in one transaction: one module per block."""
