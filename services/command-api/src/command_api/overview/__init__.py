"""What an operator sees first: the fleet in numbers, and what needs attention."""
