"""Decisions about tokens, transactions and meter values: pure, and of no protocol version."""
