"""Which stations there are, whether they may take part, and their boots."""
