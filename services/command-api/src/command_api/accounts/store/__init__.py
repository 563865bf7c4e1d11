"""Users, their sessions, and API keys."""
