"""What the registry decides: pure functions of state and request, without I/O."""
