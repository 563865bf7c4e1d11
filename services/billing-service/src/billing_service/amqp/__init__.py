"""From the queues to what is billed, and back."""
