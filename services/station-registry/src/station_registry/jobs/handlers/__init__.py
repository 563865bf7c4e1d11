"""What moves jobs and rollouts, and what REST asks of them."""
