"""How much is done at once, and what is done together."""
