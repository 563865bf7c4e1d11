"""Tables, set-based queries and migrations of the schema `command`."""
