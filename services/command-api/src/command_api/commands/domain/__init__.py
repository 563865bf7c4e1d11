"""What commands are and how they change; no I/O."""
