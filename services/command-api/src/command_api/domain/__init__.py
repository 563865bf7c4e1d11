"""What commands, roles and passwords are and how they change; no I/O."""
