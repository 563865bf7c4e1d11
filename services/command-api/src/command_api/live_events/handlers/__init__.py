"""What reads the event store for streams and for the history."""
