"""Stations as operators see and change them."""
