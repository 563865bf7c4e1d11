"""Statements on jobs, reports and rollouts, for whole batches."""
