"""Statements on transactions and on what was said about them."""
