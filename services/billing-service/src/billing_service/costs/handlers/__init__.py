"""Requests on costs that are stored nowhere."""
