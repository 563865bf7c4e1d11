"""Which profiles hold, and what they allow, decided without doing."""
