"""Users and API keys that are limited to sites or tags: what of stations they may see."""
