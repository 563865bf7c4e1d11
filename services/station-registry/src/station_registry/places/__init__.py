"""Where stations stand, for services that charge for what happened there."""
