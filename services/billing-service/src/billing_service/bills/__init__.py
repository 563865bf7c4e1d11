"""Bills of sessions: when they are due, what they say, how they are corrected."""
