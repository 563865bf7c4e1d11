"""Statements on requests, certificates and stores; the files of the built-in authority."""
