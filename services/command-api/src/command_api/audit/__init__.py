"""Who changed what, when, from where: entries that are added and read, and never changed."""
