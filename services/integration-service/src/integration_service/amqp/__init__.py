"""From the queues to the event store, and from there to those who follow it."""
