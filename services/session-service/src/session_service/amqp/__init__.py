"""From the work queues to the handlers and back."""
