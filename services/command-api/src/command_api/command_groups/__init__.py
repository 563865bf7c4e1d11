"""One command for many stations, each with its own result."""
