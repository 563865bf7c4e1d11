"""Events of the past, sent to a queue of one's own."""
