"""What to do next about a station's list, decided without doing."""
