"""The console in a real browser, against the real suite with simulated stations."""
