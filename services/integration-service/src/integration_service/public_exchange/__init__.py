"""The public exchange of events, fed from the store."""
