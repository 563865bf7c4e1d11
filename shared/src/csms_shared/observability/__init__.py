"""Logs, metrics and the probes that every service answers."""
