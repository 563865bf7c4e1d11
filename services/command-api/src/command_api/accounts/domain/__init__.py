"""Roles, and how soon a password may be tried again."""
