"""Statements on the quarantine."""
