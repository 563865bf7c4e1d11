"""How requests are read: paths, bodies and their bounds, what fields must keep."""
