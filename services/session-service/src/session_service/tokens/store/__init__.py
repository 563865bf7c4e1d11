"""Statements on id tokens."""
