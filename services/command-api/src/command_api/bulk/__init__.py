"""Bulk actions: one request for many things, asked of the services in batches."""
