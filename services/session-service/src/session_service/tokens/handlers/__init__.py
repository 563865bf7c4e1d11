"""Authorize calls, and id tokens as operators keep them."""
