"""Who may ask: users, API keys, log-in, roles, and the audit of what they change."""
