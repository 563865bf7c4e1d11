"""Tenants, as far as requests have to know them: whether there is one, how often it may ask."""
