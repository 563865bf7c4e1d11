"""Batches of the work queues: each is one transaction, whose parts go by the order of locks."""
