"""Transactions: starts, stops and meter values, in whatever order they come."""
