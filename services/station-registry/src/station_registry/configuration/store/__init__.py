"""Statements on configuration values and templates."""
