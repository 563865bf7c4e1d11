"""Sites: the places where stations stand."""
