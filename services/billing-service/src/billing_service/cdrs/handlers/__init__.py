"""Requests about records."""
