"""Charging profiles: which ones stations hold, and the schedules that come of them."""
