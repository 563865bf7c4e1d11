"""Commands to stations: made, sent, reported on, ended."""
