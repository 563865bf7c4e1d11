"""What is kept of sessions and bills."""
