"""Who asks, whether they may, from where, how much at once; and the audit of it."""
