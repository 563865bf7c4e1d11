"""Firmware updates, diagnostics and logs: jobs of single stations, and rollouts over many."""
