"""How stations prove who they are, and what changes of that come to."""
