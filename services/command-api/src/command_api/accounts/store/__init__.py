"""Users, API keys and the audit."""
