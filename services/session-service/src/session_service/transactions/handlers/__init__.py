"""Batches of starts and reports, and what operators ask of transactions."""
