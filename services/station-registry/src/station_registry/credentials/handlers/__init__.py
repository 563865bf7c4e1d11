"""Security profiles that operators choose; ends of Reset and of raised profiles."""
