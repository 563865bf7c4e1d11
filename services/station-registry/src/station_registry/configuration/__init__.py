"""Configuration keys of stations: what is known of them, and templates of what is wanted."""
