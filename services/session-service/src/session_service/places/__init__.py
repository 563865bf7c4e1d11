"""Where stations stand, as far as it was told: what their transactions are filtered by."""
