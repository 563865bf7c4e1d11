"""Statements on passwords, resets and security profiles."""
