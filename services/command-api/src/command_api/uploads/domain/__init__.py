"""Names of uploaded files, and where they are kept."""
