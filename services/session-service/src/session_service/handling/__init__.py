"""What the handlers of all blocks build on: calls, events, work of which a part may fail."""
