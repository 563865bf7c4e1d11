"""Id tokens and what they are worth: authorization."""
