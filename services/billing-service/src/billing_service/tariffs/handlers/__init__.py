"""Requests about tariffs and assignments."""
