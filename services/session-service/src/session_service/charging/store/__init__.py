"""Statements on charging profiles."""
