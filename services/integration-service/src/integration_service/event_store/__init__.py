"""Every event, with a position, in one order that readers can rely on."""
