"""Whether a connection may be opened, and who owns a station."""
