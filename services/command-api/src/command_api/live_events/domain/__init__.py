"""Which events are wanted, and the newest of all."""
