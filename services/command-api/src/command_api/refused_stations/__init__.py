"""Stations that were refused."""
