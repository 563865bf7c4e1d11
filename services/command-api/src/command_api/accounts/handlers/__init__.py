"""Users, API keys, passwords and log-in."""
