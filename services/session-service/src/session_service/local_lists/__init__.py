"""Local authorization lists of stations, kept true to the id tokens."""
